import type { Socket } from 'node:net';
import { MessageInbox } from '../../base/message-inbox.js';
import { readBackendMessage } from '../wire/backend-reader.js';
import type { TypedMessage } from '../wire/message-reader.js';
import { watchSocket } from './socket-watch.js';

export interface BackendMessage extends TypedMessage {
  /** The whole message: type, length and body. */
  readonly bytes: Buffer;
}

/** With that many bytes there is a complete message, or one that is refused for its length: no need to read on. */
const enoughBytes = 65_541;

/** The messages of a server that is logged in to, one after the other. Waits end with UpstreamError. */
export class BackendInbox extends MessageInbox {
  readonly #stopWatching: () => void;

  /** @param signal ends every wait, and the socket */
  constructor(socket: Socket, signal: AbortSignal) {
    super(socket, enoughBytes);
    this.#stopWatching = watchSocket(socket, signal, this.fail);
  }

  /**
   * @throws UpstreamError when the connection ends or the signal is aborted before a message is complete
   * @throws ProtocolViolation 08P01 for a length that can't be, or a body of more than 65,536 bytes
   */
  nextMessage(): Promise<BackendMessage> {
    return this.next(readWithBytes);
  }

  override detach(): Buffer {
    this.#stopWatching();
    return super.detach();
  }
}

function readWithBytes(received: Buffer): BackendMessage | undefined {
  const message = readBackendMessage(received);
  return message && { ...message, bytes: received.subarray(0, message.length) };
}
