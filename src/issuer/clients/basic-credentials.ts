const basicCredentials = /^basic +([A-Za-z0-9+/]+={0,2})$/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * RFC 7617, with RFC 6749's form encoding of both parts (section 2.3.1).
 *
 * @param header an Authorization header
 * @returns undefined where it has another scheme, or what follows can't be read
 */
export function readBasic(header: string): { readonly id: string; readonly secret: string } | undefined {
  const encoded = basicCredentials.exec(header)?.[1];
  const text = encoded === undefined ? undefined : decodeUtf8(Buffer.from(encoded, 'base64'));
  const colon = text?.indexOf(':') ?? -1;
  if (text === undefined || colon < 1) return undefined;
  const id = formDecode(text.slice(0, colon));
  // No database takes a NUL.
  return id.includes('\0') ? undefined : { id, secret: formDecode(text.slice(colon + 1)) };
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function formDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    // Clients that know nothing of the encoding send the text as it is.
    return text;
  }
}
