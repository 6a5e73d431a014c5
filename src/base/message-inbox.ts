import type { Socket } from 'node:net';

/**
 * What the other side of a socket sends, message by message. One listener stays from beginning to end, so that
 * nothing is lost between two messages, however they are cut up; a side that sends on and on is made to wait.
 */
export class MessageInbox {
  readonly #socket: Socket;
  readonly #enoughBytes: number;
  readonly #failure = Promise.withResolvers<never>();
  #received: Buffer = Buffer.alloc(0);
  #arrival = Promise.withResolvers<undefined>();

  /** @param enoughBytes more than the longest message: with that many there is one, or one that is refused */
  constructor(socket: Socket, enoughBytes: number) {
    this.#socket = socket;
    this.#enoughBytes = enoughBytes;
    // Told to whoever waits; it is no unhandled one when nobody does.
    this.#failure.promise.catch(() => undefined);
    socket.on('data', this.#receive);
  }

  /** Ends every wait, now and later. */
  readonly fail = (error: Error): void => {
    this.#failure.reject(error);
  };

  /**
   * The next message.
   *
   * @param read answers undefined while the message is incomplete
   * @throws what it failed with, and what `read` throws
   */
  async next<T extends { readonly length: number }>(read: (received: Buffer) => T | undefined): Promise<T> {
    for (;;) {
      const message = read(this.#received);
      if (message !== undefined) {
        this.#received = this.#received.subarray(message.length);
        return message;
      }
      this.#arrival = Promise.withResolvers();
      this.#socket.resume();
      await this.during(this.#arrival.promise);
    }
  }

  /** The outcome of the work, unless it fails before. */
  during<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failure.promise]);
  }

  /** Ends reading and leaves the socket paused. What was received and not taken is returned. */
  detach(): Buffer {
    this.#socket.off('data', this.#receive).pause();
    return this.#received;
  }

  readonly #receive = (chunk: Buffer): void => {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    if (this.#received.length >= this.#enoughBytes) this.#socket.pause();
    this.#arrival.resolve(undefined);
  };
}
