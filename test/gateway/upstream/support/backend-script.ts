import type { Socket } from 'node:net';
import { readTypedMessage } from '../../../../src/gateway/wire/message-reader.js';
import { int32, typedMessage } from '../../../../src/gateway/wire/message-writer.js';

/** What the server says to one message of the client, right or wrong. Undefined: nothing. */
export type Step = (body: Buffer) => string | Buffer | undefined;

/** Answers the StartupMessage with the first step, and each message that follows with the next. */
export function script(...steps: readonly Step[]): (socket: Socket) => void {
  return (socket) => {
    const left = [...steps];
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      for (let message = taken(); message !== undefined; message = taken()) {
        const answer = left.shift()?.(message);
        if (answer !== undefined) socket.write(answer);
      }
    });

    let begun = false;
    function taken(): Buffer | undefined {
      if (!begun) return takenStartup();
      const message = readTypedMessage(received, 65_536);
      received = received.subarray(message?.length ?? 0);
      return message?.body;
    }

    function takenStartup(): Buffer | undefined {
      if (received.length < 4 || received.length < received.readInt32BE(0)) return undefined;
      begun = true;
      const body = received.subarray(4, received.readInt32BE(0));
      received = received.subarray(received.readInt32BE(0));
      return body;
    }
  };
}

export function authentication(code: number, data: string | Buffer = ''): Buffer {
  return typedMessage('R', int32(code), Buffer.from(data as string, 'latin1'));
}

export function errorResponse(code: string, text: string): Buffer {
  return typedMessage('E', Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`));
}

export const ok = authentication(0);
export const md5 = authentication(5, 'salt');
export const cleartext = authentication(3);
export const sasl = authentication(10, 'SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0');
export const saslContinue = (data: string): Buffer => authentication(11, data);
export const saslFinal = (data: string): Buffer => authentication(12, data);
export const backendKeyData = typedMessage('K', int32(4711), Buffer.from('key!'));
export const parameterStatus = typedMessage('S', Buffer.from('TimeZone\0UTC\0'));
export const noticeResponse = typedMessage('N', Buffer.from('SWARNING\0C01000\0Mmind this\0\0'));
export const readyForQuery = typedMessage('Z', Buffer.from('I'));
