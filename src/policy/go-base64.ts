const missingPadding = ['', undefined, '==', '='] as const;

/**
 * Base64url as OPA's `base64url.decode` reads it, which is Go's `base64.URLEncoding` after adding the padding that
 * encoders leave out: CR and LF count for the length and are then passed over, bits after the last byte are ignored.
 *
 * @returns undefined where OPA's answer is undefined
 */
export function decodeGoBase64Url(text: string): Buffer | undefined {
  const padding = text.endsWith('=') ? '' : missingPadding[text.length % 4];
  if (padding === undefined) return undefined;
  const digits = (text + padding).replace(/[\r\n]/g, '');
  const isBase64 = digits.length % 4 === 0 && /^[\w-]*={0,2}$/.test(digits);
  return isBase64 ? Buffer.from(digits, 'base64url') : undefined;
}
