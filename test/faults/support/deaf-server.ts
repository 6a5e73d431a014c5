import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

/** More connections than the kernel keeps for a listener with a backlog of one. */
const fillers = 6;

/** An OPA that lets everybody in, or is so busy that not even a connection to it comes about. */
export class DeafServer {
  readonly #hears = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #worker: Worker;
  #sockets: Socket[] = [];
  #isDeaf = false;
  port = 0;

  constructor() {
    const program = new URL('deaf-server.mjs', import.meta.url);
    this.#worker = new Worker(program, { workerData: this.#hears.buffer });
  }

  async listen(): Promise<void> {
    const [port] = (await once(this.#worker, 'message')) as [number];
    this.port = port;
  }

  /** `well`: hears again. Anything else: deaf, its backlog full. */
  async misbehave(how: unknown): Promise<void> {
    if (how === 'well') this.#listenAgain();
    else if (!this.#isDeaf) await this.#turnDeaf();
  }

  /** Connections that wait for the kernel to take them; there are some only while the backlog is full. */
  waitingConnections(): number {
    return this.#sockets.filter(({ connecting }) => connecting).length;
  }

  async close(): Promise<void> {
    this.#listenAgain();
    await this.#worker.terminate();
  }

  async #turnDeaf(): Promise<void> {
    this.#isDeaf = true;
    Atomics.store(this.#hears, 0, 0);
    this.#worker.postMessage('turn deaf');
    await once(this.#worker, 'message');
    this.#sockets = Array.from({ length: fillers }, () => connect(this.port, '127.0.0.1'));
    // The first of them fill the backlog; they are reset in the end.
    for (const socket of this.#sockets) socket.on('error', () => undefined);
    const [first] = this.#sockets;
    if (first !== undefined) await once(first, 'connect');
  }

  #listenAgain(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets = [];
    this.#isDeaf = false;
    Atomics.store(this.#hears, 0, 1);
    Atomics.notify(this.#hears, 0);
  }
}
