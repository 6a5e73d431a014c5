import { decodeGoBase64Url } from './go-base64.js';
import { parseGoJsonObject } from './go-json.js';

/**
 * OPA's built-in `io.jwt.decode` (v1/topdown/tokens.go) for its WASM: `[header, payload, signature in hex]`, nothing
 * verified.
 *
 * Never throws: a built-in that throws leaks the instance's stack. The parts go to the policy as the token spells
 * them, not by way of JavaScript values, so that big numbers keep their digits.
 *
 * @param token what the policy passed, of any type
 * @returns JSON text in UTF-8; undefined where OPA's answer is undefined
 */
export function decodeJwt(token: unknown): ArrayBuffer | undefined {
  try {
    const decoded = typeof token === 'string' ? decodedText(token) : undefined;
    return decoded === undefined ? undefined : new TextEncoder().encode(decoded).buffer;
  } catch {
    return undefined; // stack or memory ran out
  }
}

function decodedText(token: string): string | undefined {
  const parts = token.split('.', 4);
  if (parts.length !== 3) return undefined;
  const [header, payload, signature] = parts.map(decodeGoBase64Url);
  if (header === undefined || payload === undefined) return undefined;
  const head = parseGoJsonObject(header);
  // A JWE (RFC 7516 section 9) is told by its member `enc`; OPA does not decrypt.
  if (head === undefined || Object.hasOwn(head.members, 'enc')) return undefined;
  const contentType = Object.hasOwn(head.members, 'cty') ? head.members.cty : '';
  if (contentType === 'JWT') return decodedText(withoutQuotes(payload.toString('latin1')));
  // OPA 1.22 breaks off the whole request here; no answer is as close as a built-in comes to it.
  if (typeof contentType !== 'string') return undefined;
  const body = parseGoJsonObject(payload);
  if (body === undefined || signature === undefined) return undefined;
  return `[${head.text},${body.text},"${signature.toString('hex')}"]`;
}

/** A nested token may be a JSON string, or stand as it is. */
function withoutQuotes(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isQuote(text[start])) start++;
  while (end > start && isQuote(text[end - 1])) end--;
  return text.slice(start, end);
}

function isQuote(character: string | undefined): boolean {
  return character === '"' || character === "'";
}
