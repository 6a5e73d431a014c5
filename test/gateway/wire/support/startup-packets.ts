import { readInitialPacket } from '../../../../src/gateway/wire/initial-packet.js';
import { ProtocolViolation } from '../../../../src/gateway/wire/protocol-violation.js';
import type { StartupMessage } from '../../../../src/gateway/wire/startup-message.js';

export interface StartupPacketOptions {
  readonly version?: number;
}

/**
 * A StartupMessage as a client would write it, right or wrong.
 *
 * @param body everything behind the protocol version
 */
export function startupPacket(
  body: string | Buffer,
  { version = 0x0003_0000 }: StartupPacketOptions = {},
): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const head = Buffer.alloc(8);
  head.writeUInt32BE(bytes.length + 8, 0);
  head.writeUInt32BE(version, 4);
  return Buffer.concat([head, bytes]);
}

export function startupOf(packet: Buffer): StartupMessage {
  const request = readInitialPacket(packet)?.request;
  if (request?.kind !== 'startup') throw new Error('no StartupMessage');
  return request.startup;
}

/** `accepted`, `incomplete`, or SQLSTATE and message of the refusal. */
export function verdict(packet: Buffer): string {
  return verdictOf(() => readInitialPacket(packet));
}

/** The same of any reader. Another error than a ProtocolViolation is thrown on. */
export function verdictOf(read: () => unknown): string {
  try {
    return read() === undefined ? 'incomplete' : 'accepted';
  } catch (error) {
    if (error instanceof ProtocolViolation) return `${error.sqlState} ${error.message}`;
    throw error;
  }
}

export const refusals = {
  length: '08P01 invalid length of startup packet',
  terminator: '08P01 invalid startup packet layout: expected terminator as last byte',
  twice: '08P01 invalid startup packet layout: a parameter is given twice',
  noUser: '28000 no PostgreSQL user name specified in startup packet',
  behindSsl: '08P01 received unencrypted data after SSL request',
} as const;
