import { ProtocolViolation } from './protocol-violation.js';
import { readStartupMessage } from './startup-message.js';
import type { StartupMessage } from './startup-message.js';

/** What a client may say before it has said who it is. */
type InitialRequest =
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gssenc' }
  | {
      readonly kind: 'cancel';
      /** A signed 32-bit number, as in BackendKeyData. */
      readonly processId: number;
      /** A copy: 4 bytes, or up to 256 since protocol 3.2. */
      readonly secret: Buffer;
    }
  | { readonly kind: 'startup'; readonly startup: StartupMessage };

export interface InitialPacket {
  /** The bytes of the packet; those behind it belong to the next one. */
  readonly length: number;
  readonly request: InitialRequest;
}

const minLength = 8;
/** PostgreSQL's MAX_STARTUP_PACKET_LENGTH. */
const maxLength = 10_000;

const cancelRequestCode = 80877102;
const sslRequestCode = 80877103;
const gssEncRequestCode = 80877104;

/**
 * Reads a packet without a type byte: SSLRequest, GSSENCRequest, CancelRequest or StartupMessage. Length and request
 * code are judged as soon as they are there: nothing waits for, or sets aside, the bytes that a length only claims.
 *
 * @param received everything since the connection was accepted, encrypted or since the last packet
 * @returns undefined while the packet is incomplete
 * @throws ProtocolViolation 08P01 for a packet that breaks the protocol, with bytes behind a request for encryption
 *   among that (CVE-2021-23214); 0A000 for another protocol than 3; and those of {@link readStartupMessage}
 * @see PostgreSQL documentation, section 55.7; the rules are those of its ProcessStartupPacket
 */
export function readInitialPacket(received: Buffer): InitialPacket | undefined {
  if (received.length < 4) return undefined;
  const length = received.readInt32BE(0);
  if (length < minLength || length > maxLength) throw invalidLength();
  if (received.length < minLength) return undefined;
  const code = received.readInt32BE(4);
  if (code === sslRequestCode) return encryptionRequest(received, length, 'ssl');
  if (code === gssEncRequestCode) return encryptionRequest(received, length, 'gssenc');
  if (code === cancelRequestCode) return cancelRequest(received, length);
  return startup(received, length);
}

/**
 * Nothing may follow before the answer: what does was not encrypted, whoever sent it, and would pass for something
 * that was (CVE-2021-23214).
 */
function encryptionRequest(received: Buffer, length: number, kind: 'ssl' | 'gssenc'): InitialPacket {
  if (length !== minLength) throw invalidLength();
  if (received.length > length) {
    const what = kind === 'ssl' ? 'SSL request' : 'GSSAPI encryption request';
    throw new ProtocolViolation(`received unencrypted data after ${what}`);
  }
  return { length, request: { kind } };
}

/** Keys have four bytes, and up to 256 since protocol 3.2. */
function cancelRequest(received: Buffer, length: number): InitialPacket | undefined {
  if (length < 16 || length > 268) throw invalidLength();
  if (received.length < length) return undefined;
  const secret = Buffer.from(received.subarray(12, length));
  return { length, request: { kind: 'cancel', processId: received.readInt32BE(8), secret } };
}

function startup(received: Buffer, length: number): InitialPacket | undefined {
  const major = received.readUInt16BE(4);
  const minor = received.readUInt16BE(6);
  if (major !== 3) {
    const asked = `unsupported frontend protocol ${major}.${minor}`;
    throw new ProtocolViolation(`${asked}: server supports 3.0 to 3.0`, '0A000');
  }
  if (received.length < length) return undefined;
  const body = received.subarray(minLength, length);
  return { length, request: { kind: 'startup', startup: readStartupMessage(major, minor, body) } };
}

function invalidLength(): ProtocolViolation {
  return new ProtocolViolation('invalid length of startup packet');
}
