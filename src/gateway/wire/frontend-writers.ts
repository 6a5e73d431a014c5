import { cString, int32, typedMessage, untypedMessage } from './message-writer.js';

/** What the gateway says to the upstream server (PostgreSQL documentation, section 55.7, messages marked F). */

const protocolVersion3 = 0x0003_0000;
const cancelRequestCode = 80877102;
const sslRequestCode = 80877103;

export function sslRequest(): Buffer {
  return untypedMessage(int32(sslRequestCode));
}

/**
 * A StartupMessage of protocol 3.0.
 *
 * @param parameters names and values in the order to be sent; `user` has to be among them
 * @throws RangeError for an empty name, which would end the list, and for a NUL in a name or value
 */
export function startupMessage(parameters: Iterable<readonly [string, string]>): Buffer {
  const pairs: Buffer[] = [];
  for (const [name, value] of parameters) {
    if (name === '') throw new RangeError('a startup parameter needs a name');
    pairs.push(cString(name), cString(value));
  }
  return untypedMessage(int32(protocolVersion3), ...pairs, Buffer.of(0));
}

/**
 * PasswordMessage: the password, or the answer to AuthenticationMD5Password.
 *
 * @throws RangeError for a NUL in the text
 */
export function passwordMessage(text: string): Buffer {
  return typedMessage('p', cString(text));
}

/**
 * @param mechanism such as `SCRAM-SHA-256`
 * @param data the client-first-message; undefined where the mechanism has none, which is sent as length -1
 */
export function saslInitialResponse(mechanism: string, data?: Buffer): Buffer {
  const response = data === undefined ? [int32(-1)] : [int32(data.length), data];
  return typedMessage('p', cString(mechanism), ...response);
}

export function saslResponse(data: Buffer): Buffer {
  return typedMessage('p', data);
}

/**
 * @param processId as in BackendKeyData: a 32-bit number, signed or not
 * @param secret the secret key, as many bytes as it came with (4 before protocol 3.2, up to 256 since)
 */
export function cancelRequest(processId: number, secret: Buffer): Buffer {
  return untypedMessage(int32(cancelRequestCode), int32(processId | 0), secret);
}

export function terminate(): Buffer {
  return typedMessage('X');
}
