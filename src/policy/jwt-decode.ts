import { isJsonObject, parseJson } from '../base/json.js';
import { decodeGoBase64Url, decodeGoUtf8 } from './go-text.js';

/** JSON text of an object, with its members. */
interface JsonText {
  readonly text: string;
  readonly members: Readonly<Record<string, unknown>>;
}

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
  const decoded = typeof token === 'string' ? decodedText(token) : undefined;
  return decoded === undefined ? undefined : new TextEncoder().encode(decoded).buffer;
}

function decodedText(token: string): string | undefined {
  const parts = token.split('.', 4);
  if (parts.length !== 3) return undefined;
  const [header, payload, signature] = parts.map(decodeGoBase64Url);
  if (header === undefined || payload === undefined) return undefined;
  const head = jsonObject(header);
  // A JWE (RFC 7516 section 9) is told by its member `enc`; OPA does not decrypt.
  if (head === undefined || Object.hasOwn(head.members, 'enc')) return undefined;
  if (Object.hasOwn(head.members, 'cty')) {
    const { cty } = head.members;
    if (cty === 'JWT') return decodedText(withoutQuotes(payload.toString('latin1')));
    // OPA 1.22 breaks off the whole request here; no answer is as close as a built-in comes to it.
    if (typeof cty !== 'string') return undefined;
  }
  const body = jsonObject(payload);
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

function jsonObject(bytes: Buffer): JsonText | undefined {
  const text = withoutLoneSurrogates(decodeGoUtf8(bytes));
  const members = parseJson(text);
  return isJsonObject(members) ? { text, members } : undefined;
}

/**
 * Puts U+FFFD where an escape names half a character, as Go's `encoding/json` does; the WASM would stumble. Escapes
 * are matched in pairs first, and escaped backslashes too, so that `\\ud800` is left alone.
 */
function withoutLoneSurrogates(text: string): string {
  return text.replace(surrogates, (match) => (match.length === 6 ? '\ufffd' : match));
}

const surrogates =
  /\\\\|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u[dD][89a-fA-F][\da-fA-F]{2}/g;
