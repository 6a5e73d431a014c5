import type { Socket } from 'node:net';

/** The client ended the connection, or it failed, before it had said what was waited for. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** The time for the whole login is over, or the gateway stops. */
export class LoginCutOff extends Error {
  override readonly name = 'LoginCutOff';
}

/** More than the longest token in a message: a client that sends that much without being read is made to wait. */
const enoughBytes = 128 * 1024;

/**
 * What a client sends until it is logged in. One listener stays from beginning to end, so that nothing is lost between
 * two messages, however they are cut up.
 */
export class ClientInbox {
  readonly #socket: Socket;
  readonly #signal: AbortSignal;
  readonly #failure = Promise.withResolvers<never>();
  #received: Buffer = Buffer.alloc(0);
  #arrival = Promise.withResolvers<undefined>();

  /** @param signal ends every wait; the socket stays, so that it can be told why */
  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    // Told to whoever waits; it is no unhandled one when nobody does.
    this.#failure.promise.catch(() => undefined);
    socket.on('data', this.#receive).on('end', this.#gone).on('close', this.#gone);
    signal.addEventListener('abort', this.#cutOff);
    if (socket.destroyed) this.#gone();
    if (signal.aborted) this.#cutOff();
  }

  /**
   * The next message.
   *
   * @param read answers undefined while the message is incomplete
   * @throws ClientGone, LoginCutOff, and what `read` throws
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

  /** The outcome of the work, unless the client goes or the time is over before. */
  during<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#failure.promise]);
  }

  /** Ends reading and leaves the socket paused. What was received and not taken is returned. */
  detach(): Buffer {
    this.#socket.off('data', this.#receive).off('end', this.#gone).off('close', this.#gone).pause();
    this.#signal.removeEventListener('abort', this.#cutOff);
    return this.#received;
  }

  readonly #receive = (chunk: Buffer): void => {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    if (this.#received.length >= enoughBytes) this.#socket.pause();
    this.#arrival.resolve(undefined);
  };

  readonly #gone = (): void => {
    this.#failure.reject(new ClientGone('the client has gone'));
  };

  readonly #cutOff = (): void => {
    this.#failure.reject(new LoginCutOff('the login was cut off', { cause: this.#signal.reason }));
  };
}
