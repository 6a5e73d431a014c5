import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { connectUpstream } from './upstream-connection.js';
import type { UpstreamOptions } from './upstream-connection.js';
import { watchSocket } from './socket-watch.js';

/** Servers give up on who does not log in, PostgreSQL after a minute (authentication_timeout). */
const spareLivesMs = 5_000;
/** How long a login waits for one that is on its way before it connects itself; that takes some milliseconds. */
const patienceMs = 1_000;

/**
 * One connection ahead of the logins: while they come one after another, the next one finds a connection that is open
 * and encrypted, and has only to log in. Alone among many seconds, a login makes none: the server would start a process
 * in vain.
 */
export class SpareConnection {
  readonly #options: UpstreamOptions;
  readonly #clock: Clock;
  #spare: Spare | undefined;
  #lastTakenAt = -Infinity;
  #closed = false;

  constructor(options: UpstreamOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * The spare connection if there is one, paused and with nothing read from it; one that is on its way is waited for. It
   * may have been lost without a sign: whoever finds that out connects anew.
   *
   * @param signal ends the wait
   */
  async take(signal: AbortSignal): Promise<Socket | undefined> {
    const now = this.#clock();
    const areMany = now - this.#lastTakenAt < spareLivesMs;
    this.#lastTakenAt = now;
    const spare = this.#spare;
    this.#spare = areMany && !this.#closed ? new Spare(this.#options, this.#forget) : undefined;
    // Renewed authorities may not believe whom those before did.
    if (spare?.tls !== this.#options.tls) spare?.drop();
    return spare?.take(signal);
  }

  close(): void {
    this.#closed = true;
    this.#spare?.drop();
  }

  readonly #forget = (spare: Spare): void => {
    if (spare === this.#spare) this.#spare = undefined;
  };
}

/** On its way, ready, or over: taken, lost, or never asked for in time. */
class Spare {
  readonly tls: UpstreamOptions['tls'];
  readonly #end = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #onOver: (spare: Spare) => void;
  /** Why it failed is told to the login that connects itself. */
  readonly #connection: Promise<Socket | undefined>;
  #stopWatching = (): void => undefined;
  #isTaken = false;

  constructor(options: UpstreamOptions, onOver: (spare: Spare) => void) {
    this.tls = options.tls;
    this.#onOver = onOver;
    this.#timer = setTimeout(this.drop, spareLivesMs).unref();
    this.#connection = connectUpstream(options, this.#end.signal).then(this.#keep, () => undefined);
  }

  async take(signal: AbortSignal): Promise<Socket | undefined> {
    this.#isTaken = true;
    clearTimeout(this.#timer);
    this.#stopWatching();
    const patience = setTimeout(this.drop, patienceMs);
    signal.addEventListener('abort', this.drop);
    if (signal.aborted) this.drop();
    const socket = await this.#connection;
    signal.removeEventListener('abort', this.drop);
    clearTimeout(patience);
    if (!this.#end.signal.aborted) return socket;
    socket?.destroy();
    return undefined;
  }

  /** Whatever is still watched by the signal ends with it. */
  readonly drop = (): void => {
    clearTimeout(this.#timer);
    // Nobody reads the reason; an exception with its stack, the default, costs more than all the rest.
    this.#end.abort('over');
    this.#onOver(this);
  };

  /** The end is seen by reading only; a server that speaks first is none. */
  readonly #keep = (socket: Socket): Socket => {
    const { signal } = this.#end;
    if (this.#isTaken && !signal.aborted) return socket;
    const stop = watchSocket(socket, signal, this.drop);
    socket.on('data', this.drop);
    this.#stopWatching = () => {
      stop();
      socket.off('data', this.drop).pause();
    };
    return socket;
  };
}
