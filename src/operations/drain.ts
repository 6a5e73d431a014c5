import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface DrainOptions {
  /** How long requests under way may take to finish, in milliseconds; then their connections are cut. */
  readonly timeoutMs: number;
  /** How long a connection may stay silent before it is ended as idle, in milliseconds; 500 by default. */
  readonly quietMs?: number;
}

/** `cut`: some connection had to be ended with a request still under way. */
export type DrainResult = 'drained' | 'cut';

/** What can be brought to its end in order. */
export interface Drainable {
  run(options: DrainOptions): Promise<DrainResult>;
}

/**
 * Can end a server without resetting a request that a client has already sent.
 *
 * `server.close()` alone ends keep-alive connections the moment they are between two requests, and a client that sends
 * its next request at that moment sees a reset. Here the listening socket is closed on its own first; every further
 * response says `Connection: close`, after which the client itself expects the end; only connections that stayed
 * silent for a while are ended from this side.
 *
 * @see RFC 9112 section 9.6
 */
export class Drain implements Drainable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections without a single byte at the last sweep; to Node they are not idle but busy with their first request. */
  #unused = new Set<Socket>();

  /** @param server best handed in before it listens, so that no connection is missed */
  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Stops accepting connections and waits until the last one is ended. */
  async run({ timeoutMs, quietMs = 500 }: DrainOptions): Promise<DrainResult> {
    if (!this.#server.listening) return 'drained';
    this.#server.prependListener('request', announceClose);
    // One more turn of the loop: connections that the kernel has made already get accepted rather than reset.
    await nextTurn();
    await nextTurn();
    return this.#close(timeoutMs, Math.min(quietMs, timeoutMs / 3));
  }

  #close(timeoutMs: number, quietMs: number): Promise<DrainResult> {
    return new Promise((resolve) => {
      let result: DrainResult = 'drained';
      // After the loop has polled: a request that has arrived makes its connection busy.
      const sweep = setInterval(
        () =>
          setImmediate(() => {
            this.#sweep();
          }),
        quietMs,
      );
      const deadline = setTimeout(() => {
        result = 'cut';
        this.#server.closeAllConnections();
      }, timeoutMs);
      NetServer.prototype.close.call(this.#server, () => {
        clearInterval(sweep);
        clearTimeout(deadline);
        resolve(result);
      });
    });
  }

  #sweep(): void {
    this.#server.closeIdleConnections();
    const unused = [...this.#sockets].filter((socket) => socket.bytesRead === 0);
    for (const socket of unused) if (this.#unused.has(socket)) socket.destroy();
    this.#unused = new Set(unused);
  }
}

function announceClose(_: IncomingMessage, response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}
