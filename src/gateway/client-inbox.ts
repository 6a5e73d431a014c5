import type { Socket } from 'node:net';
import { MessageInbox } from '../base/message-inbox.js';

/** The client ended the connection, or it failed, before it had said what was waited for. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** The time for the whole login is over, or the gateway stops. */
export class LoginCutOff extends Error {
  override readonly name = 'LoginCutOff';

  /** Whether it is the time that is over. */
  get isTimeout(): boolean {
    return this.cause instanceof DOMException && this.cause.name === 'TimeoutError';
  }
}

/** More than the longest token in a message. */
const enoughBytes = 128 * 1024;

/** What a client sends until it is logged in. Waits end with ClientGone or LoginCutOff. */
export class ClientInbox extends MessageInbox {
  readonly #socket: Socket;
  readonly #signal: AbortSignal;

  /** @param signal ends every wait; the socket stays, so that it can be told why */
  constructor(socket: Socket, signal: AbortSignal) {
    super(socket, enoughBytes);
    this.#socket = socket;
    this.#signal = signal;
    socket.on('end', this.#gone).on('close', this.#gone);
    signal.addEventListener('abort', this.#cutOff);
    if (socket.destroyed) this.#gone();
    if (signal.aborted) this.#cutOff();
  }

  override detach(): Buffer {
    this.#socket.off('end', this.#gone).off('close', this.#gone);
    this.#signal.removeEventListener('abort', this.#cutOff);
    return super.detach();
  }

  readonly #gone = (): void => {
    this.fail(new ClientGone('the client has gone'));
  };

  readonly #cutOff = (): void => {
    this.fail(new LoginCutOff('the login was cut off', { cause: this.#signal.reason }));
  };
}
