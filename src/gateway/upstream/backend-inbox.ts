import type { Socket } from 'node:net';
import { readBackendMessage } from '../wire/backend-reader.js';
import type { TypedMessage } from '../wire/message-reader.js';
import { watchSocket } from './socket-watch.js';

export interface BackendMessage extends TypedMessage {
  /** The whole message: type, length and body. */
  readonly bytes: Buffer;
}

/** With that many bytes there is a complete message, or one that is refused for its length: no need to read on. */
const enoughBytes = 65_541;

/**
 * The messages of a server that is logged in to, one after the other. One listener stays from beginning to end, so
 * nothing is lost between two messages, however they are cut up; a server that sends on and on is made to wait.
 */
export class BackendInbox {
  readonly #socket: Socket;
  readonly #stopWatching: () => void;
  readonly #failure = Promise.withResolvers<never>();
  #received: Buffer = Buffer.alloc(0);
  #arrival = Promise.withResolvers<undefined>();

  /** @param signal ends every wait, and the socket */
  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#stopWatching = watchSocket(socket, signal, this.#failure.reject);
    socket.on('data', this.#receive);
  }

  /**
   * @throws UpstreamError when the connection ends or the signal is aborted before a message is complete
   * @throws ProtocolViolation 08P01 for a length that can't be, or a body of more than 65,536 bytes
   */
  async next(): Promise<BackendMessage> {
    for (;;) {
      const message = readBackendMessage(this.#received);
      if (message !== undefined) return this.#take(message);
      this.#arrival = Promise.withResolvers();
      this.#socket.resume();
      await this.during(this.#arrival.promise);
    }
  }

  /** The outcome of the work, unless the connection fails before. */
  during<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failure.promise]);
  }

  /** Ends reading and leaves the socket paused. What was received and not taken is returned. */
  detach(): Buffer {
    this.#stopWatching();
    this.#socket.off('data', this.#receive).pause();
    return this.#received;
  }

  readonly #receive = (chunk: Buffer): void => {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    if (this.#received.length >= enoughBytes) this.#socket.pause();
    this.#arrival.resolve(undefined);
  };

  #take(message: TypedMessage): BackendMessage {
    const bytes = this.#received.subarray(0, message.length);
    this.#received = this.#received.subarray(message.length);
    return { ...message, bytes };
  }
}
