import { readTypedMessage, strictUtf8 } from './message-reader.js';
import type { TypedMessage } from './message-reader.js';
import { ProtocolViolation } from './protocol-violation.js';

/** The longest token, in bytes: PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH. */
const maxTokenLength = 65_535;

/** The longest body of a PasswordMessage, in bytes: the token and its NUL. */
export const maxPasswordBodyLength = maxTokenLength + 1;

/** The longest body of a SASLInitialResponse, in bytes: a token, what surrounds it, and room for `host` and `port`. */
export const maxSaslBodyLength = maxTokenLength + 513;

/**
 * The first message from a client that logs in, or undefined while it is incomplete.
 *
 * @param maxBodyLength in bytes, as {@link maxPasswordBodyLength}
 * @throws ProtocolViolation 08P01 for a length that can't be, or a longer body, as soon as the header is there
 */
export function readFrontendMessage(received: Buffer, maxBodyLength: number): TypedMessage | undefined {
  return readTypedMessage(received, maxBodyLength);
}

/**
 * The password in the body of a PasswordMessage; it may be empty.
 *
 * @throws ProtocolViolation 08P01 without exactly one NUL, at the end; for bytes that are no UTF-8; beyond 65,535 bytes
 */
export function passwordOf(body: Buffer): string {
  // PostgreSQL compares the length of the string with that of the message (recv_password_packet).
  if (body.length === 0 || body.indexOf(0) !== body.length - 1) {
    throw new ProtocolViolation('invalid password packet size');
  }
  if (body.length > maxPasswordBodyLength) throw tokenTooLong();
  return strictUtf8(body.subarray(0, -1), '08P01');
}

export interface SaslInitialResponse {
  readonly mechanism: string;
  /** A view of the body; undefined when the client sent no initial response, which is not an empty one. */
  readonly data: Buffer | undefined;
}

/**
 * Reads the body of a SASLInitialResponse (PostgreSQL documentation, section 55.7).
 *
 * @throws ProtocolViolation 08P01 when the length of the data is not that of the rest of the body
 */
export function saslInitialResponseOf(body: Buffer): SaslInitialResponse {
  const start = body.indexOf(0) + 5;
  if (start === 4 || body.length < start) throw malformed('SASLInitialResponse');
  const mechanism = body.toString('latin1', 0, start - 5);
  const length = body.readInt32BE(start - 4);
  if (Math.max(length, 0) !== body.length - start || length < -1) throw malformed('SASLInitialResponse');
  return { mechanism, data: length === -1 ? undefined : body.subarray(start) };
}

const separator = '\x01';
/** No channel binding, no other identity to act as: there is none that this gateway could honour. */
const gs2Headers: readonly string[] = [`n,,${separator}`, `y,,${separator}`];
const keyValuePair = /^([A-Za-z]+)=([\t\r\n -~]*)$/;
const bearerCredentials = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * The token in the initial response of OAUTHBEARER.
 *
 * @returns an empty text for a client that asks where to get a token; undefined for credentials that are no bearer
 *   token: both are answered with what RFC 7628 section 3.2.2 says
 * @throws ProtocolViolation 08P01 for another form of message, or a token of more than 65,535 bytes
 * @see RFC 7628 section 3.1 (the message), RFC 6750 section 2.1 (the token), and in the documentation of PostgreSQL 18
 *   "OAUTHBEARER Authentication"
 */
export function bearerTokenOf(data: Buffer): string | undefined {
  const auth = authValueOf(data.toString('latin1'));
  if (auth === '') return '';
  const token = bearerCredentials.exec(auth)?.[1];
  if (token !== undefined && token.length > maxTokenLength) throw tokenTooLong();
  return token;
}

function authValueOf(message: string): string {
  const hasHeader = gs2Headers.includes(message.slice(0, 4));
  if (!hasHeader || !message.endsWith(separator + separator)) throw malformed('OAUTHBEARER message');
  const values = message.slice(4, -2).split(separator).flatMap(authValueInPair);
  const [auth] = values;
  if (auth === undefined || values.length > 1) throw malformed('OAUTHBEARER message');
  return auth;
}

/** Other keys than `auth` are ignored, as RFC 7628 section 3.1 wants it, but not another grammar. */
function authValueInPair(pair: string): string[] {
  const [, key, value] = keyValuePair.exec(pair) ?? [];
  if (key === undefined || value === undefined) throw malformed('OAUTHBEARER message');
  return key === 'auth' ? [value] : [];
}

/** Whether a SASLResponse is the one byte by which a client accepts that OAUTHBEARER failed (RFC 7628 section 3.2.3). */
export function isFailureAcknowledgement(data: Buffer): boolean {
  return data.length === 1 && data[0] === 1;
}

function malformed(what: string): ProtocolViolation {
  return new ProtocolViolation(`malformed ${what}`);
}

function tokenTooLong(): ProtocolViolation {
  return new ProtocolViolation(`the token is longer than ${maxTokenLength} bytes`);
}
