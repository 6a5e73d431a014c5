import { isUtf8 } from 'node:buffer';
import { headerLength } from './message-header.js';
import { ProtocolViolation } from './protocol-violation.js';

/** A message with a type byte. The body is a view of the bytes it was read from: copy what outlives them. */
export interface TypedMessage {
  /** One character. */
  readonly type: string;
  /** What follows the length. */
  readonly body: Buffer;
  /** The bytes of the whole message: type, length and body. */
  readonly length: number;
}

/**
 * The first message of what was received, or undefined while it is incomplete. A length is refused as soon as it is
 * there, so that nothing waits for, or sets aside, what the other side only claims to send.
 *
 * @param maxBodyLength the longest body to be taken, in bytes
 * @throws ProtocolViolation 08P01 for a length that does not count itself, or a body beyond the bound
 * @see PostgreSQL documentation, section 55.1 (the length counts itself, not the type byte)
 */
export function readTypedMessage(received: Buffer, maxBodyLength: number): TypedMessage | undefined {
  if (received.length < headerLength) return undefined;
  const bodyLength = received.readInt32BE(1) - 4;
  if (bodyLength < 0 || bodyLength > maxBodyLength) throw new ProtocolViolation('invalid message length');
  const length = headerLength + bodyLength;
  if (received.length < length) return undefined;
  return { type: received.toString('latin1', 0, 1), body: received.subarray(headerLength, length), length };
}

/**
 * The text of UTF-8 bytes, exactly: nothing is replaced and no byte order mark is dropped, so two different inputs
 * never become one name.
 *
 * @throws ProtocolViolation with the given SQLSTATE for bytes that are no UTF-8
 */
export function strictUtf8(bytes: Buffer, sqlState: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new ProtocolViolation('invalid byte sequence for encoding "UTF8"', sqlState);
}
