import { readTypedMessage } from './message-reader.js';
import type { TypedMessage } from './message-reader.js';
import { ProtocolViolation } from './protocol-violation.js';

/**
 * The first message from an upstream server that is logged in to, or undefined while it is incomplete.
 *
 * @param maxLength the longest body to be taken, in bytes; nothing of a login comes near the default
 * @throws ProtocolViolation 08P01 for a length that can't be, or a longer body
 */
export function readBackendMessage(received: Buffer, maxLength = 65_536): TypedMessage | undefined {
  return readTypedMessage(received, maxLength);
}

/** PostgreSQL knows 18 fields; a server may have a few of its own. */
const maxErrorFields = 32;
const maxErrorFieldBytes = 4096;

/**
 * The fields of an ErrorResponse or NoticeResponse, by their codes (`S`, `V`, `C`, `M`, `D`, `H` …). Never throws: what
 * a server says of its failure is worth reading even when it breaks off. Of two fields with one code the first counts.
 *
 * @returns at most 32 texts of at most 4,096 bytes each; bytes that are no UTF-8 become U+FFFD
 * @see PostgreSQL documentation, section 55.8
 */
export function errorFieldsOf(body: Buffer): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let start = 0;
  while (start < body.length && body[start] !== 0 && fields.size < maxErrorFields) {
    const end = endOfString(body, start + 1);
    const code = body.toString('latin1', start, start + 1);
    const text = body.toString('utf8', start + 1, Math.min(end, start + 1 + maxErrorFieldBytes));
    if (!fields.has(code)) fields.set(code, text);
    start = end + 1;
  }
  return fields;
}

function endOfString(body: Buffer, start: number): number {
  const end = body.indexOf(0, start);
  return end === -1 ? body.length : end;
}

/** What an Authentication message asks for, or says. Buffers are views of the message. */
export type Authentication =
  | { readonly kind: 'ok' }
  | { readonly kind: 'cleartext' }
  | { readonly kind: 'md5'; /** Four bytes. */ readonly salt: Buffer }
  | {
      readonly kind: 'sasl';
      /** In the server's order of preference. */ readonly mechanisms: readonly string[];
    }
  | { readonly kind: 'saslContinue'; readonly data: Buffer }
  | { readonly kind: 'saslFinal'; readonly data: Buffer }
  | { readonly kind: 'unsupported'; readonly code: number };

const authentications: ReadonlyMap<number, (data: Buffer) => Authentication> = new Map([
  [0, (data) => withoutData(data, { kind: 'ok' })],
  [3, (data) => withoutData(data, { kind: 'cleartext' })],
  [5, (data) => ({ kind: 'md5', salt: md5Salt(data) })],
  [10, (data) => ({ kind: 'sasl', mechanisms: mechanismsOf(data) })],
  [11, (data) => ({ kind: 'saslContinue', data })],
  [12, (data) => ({ kind: 'saslFinal', data })],
]);

/**
 * Reads the body of an Authentication message, type `R`.
 *
 * @throws ProtocolViolation 08P01 when it is too short, or has more or less in it than its code says
 * @see PostgreSQL documentation, section 55.7: AuthenticationOk and those that follow it there
 */
export function authenticationOf(body: Buffer): Authentication {
  if (body.length < 4) throw malformed('authentication request');
  const code = body.readInt32BE(0);
  return authentications.get(code)?.(body.subarray(4)) ?? { kind: 'unsupported', code };
}

function withoutData(data: Buffer, authentication: Authentication): Authentication {
  if (data.length !== 0) throw malformed('authentication request');
  return authentication;
}

function md5Salt(data: Buffer): Buffer {
  if (data.length !== 4) throw malformed('authentication request');
  return data;
}

/** Strings, each with its NUL, and one more NUL behind the last. */
function mechanismsOf(data: Buffer): readonly string[] {
  if (data.length < 2 || data.at(-1) !== 0 || data.at(-2) !== 0) throw malformed('list of SASL mechanisms');
  const mechanisms = data.toString('latin1', 0, data.length - 2).split('\0');
  if (mechanisms.includes('')) throw malformed('list of SASL mechanisms');
  return mechanisms;
}

export interface BackendKey {
  /** A signed 32-bit number, as in a CancelRequest. */
  readonly processId: number;
  /** A copy: 4 bytes, or up to 256 since protocol 3.2. */
  readonly secret: Buffer;
}

/**
 * Reads the body of BackendKeyData, type `K`.
 *
 * @throws ProtocolViolation 08P01 when the secret key has fewer than 4 bytes or more than 256
 */
export function backendKeyOf(body: Buffer): BackendKey {
  if (body.length < 8 || body.length > 260) throw malformed('BackendKeyData');
  return { processId: body.readInt32BE(0), secret: Buffer.from(body.subarray(4)) };
}

function malformed(what: string): ProtocolViolation {
  return new ProtocolViolation(`malformed ${what}`);
}
