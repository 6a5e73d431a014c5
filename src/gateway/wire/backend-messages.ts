import { cString, int32, typedMessage } from './message-writer.js';

/** What the gateway says to its clients (PostgreSQL documentation, section 55.7, messages marked B). */

export interface ErrorFields {
  /** After FATAL the connection is closed. */
  readonly severity: 'ERROR' | 'FATAL';
  /** Five characters (PostgreSQL documentation, appendix A). */
  readonly sqlState: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

/** @param fields NULs are removed from the texts: one would end its field early and begin another */
export function errorResponse({ severity, sqlState, message, detail, hint }: ErrorFields): Buffer {
  // S may be translated, V may not be; newer clients look at V.
  const fields = { S: severity, V: severity, C: sqlState, M: message, D: detail, H: hint };
  const written = Object.entries(fields).flatMap(([code, text]) =>
    text === undefined ? [] : [cString(code + text.replaceAll('\0', ''))],
  );
  return typedMessage('E', ...written, Buffer.of(0));
}

export function authenticationOk(): Buffer {
  return typedMessage('R', int32(0));
}

export function authenticationCleartextPassword(): Buffer {
  return typedMessage('R', int32(3));
}

/** @param mechanisms at least one, in the order of preference */
export function authenticationSasl(mechanisms: readonly string[]): Buffer {
  return typedMessage('R', int32(10), ...mechanisms.map(cString), Buffer.of(0));
}

/** @param data the mechanism's challenge; of OAUTHBEARER the JSON of RFC 7628 section 3.2.2 */
export function authenticationSaslContinue(data: Buffer): Buffer {
  return typedMessage('R', int32(11), data);
}

/**
 * NegotiateProtocolVersion, to be sent before anything else to who asked for more than the gateway speaks.
 *
 * The documentation speaks of a minor version. Servers send, and clients read, the whole version number.
 *
 * @param newestMinor 0 for protocol 3.0
 * @param unknownOptions names of protocol options, `_pq_.` included
 */
export function negotiateProtocolVersion(newestMinor: number, unknownOptions: readonly string[]): Buffer {
  const version = int32((3 << 16) | newestMinor);
  return typedMessage('v', version, int32(unknownOptions.length), ...unknownOptions.map(cString));
}

/**
 * @param processId a signed 32-bit number
 * @param secret 4 bytes; up to 256 for clients of protocol 3.2
 */
export function backendKeyData(processId: number, secret: Buffer): Buffer {
  return typedMessage('K', int32(processId), secret);
}
