import { isUtf8 } from 'node:buffer';

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
  return digits.length % 4 === 0 && /^[\w-]*={0,2}$/.test(digits)
    ? Buffer.from(digits, 'base64url')
    : undefined;
}

const missingPadding = ['', undefined, '==', '='] as const;

/** UTF-8 as Go's `encoding/json` reads it: every byte that belongs to no character becomes U+FFFD, one for one. */
export function decodeGoUtf8(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  for (let offset = 0; offset < bytes.length;) {
    const length = characterLength(bytes, offset);
    text += length === 0 ? '\ufffd' : bytes.toString('utf8', offset, offset + length);
    offset += length || 1;
  }
  return text;
}

/** Bytes of the character that starts here: 1 to 4; 0 when none does. */
function characterLength(bytes: Buffer, offset: number): number {
  const first = bytes[offset] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const end = offset + length;
  return end <= bytes.length && isUtf8(bytes.subarray(offset, end)) ? length : 0;
}
