import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { connectUpstream } from './upstream-connection.js';
import type { UpstreamOptions } from './upstream-connection.js';
import { watchSocket } from './socket-watch.js';

/** Servers give up on who does not log in, PostgreSQL after a minute (authentication_timeout). */
const spareLivesMs = 5_000;

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
   * The spare connection if there is one, paused and with nothing read from it. It may have been lost without a sign:
   * whoever finds that out connects anew.
   */
  take(): Socket | undefined {
    const now = this.#clock();
    const areMany = now - this.#lastTakenAt < spareLivesMs;
    this.#lastTakenAt = now;
    const socket = this.#spare?.take();
    if (this.#spare?.isOver === true) this.#spare = undefined;
    if (areMany && !this.#closed) this.#spare ??= new Spare(this.#options);
    return socket;
  }

  close(): void {
    this.#closed = true;
    this.#spare?.drop();
  }
}

/** On its way, ready, or over: taken, lost, or never asked for in time. */
class Spare {
  readonly #end = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #ready: { readonly socket: Socket; readonly stopWatching: () => void } | undefined;

  constructor(options: UpstreamOptions) {
    this.#timer = setTimeout(this.drop, spareLivesMs).unref();
    // Why it failed is told to the login that connects itself.
    connectUpstream(options, this.#end.signal).then(this.#keep, this.drop);
  }

  get isOver(): boolean {
    return this.#end.signal.aborted;
  }

  take(): Socket | undefined {
    if (this.#ready === undefined) return undefined;
    const { socket, stopWatching } = this.#ready;
    stopWatching();
    socket.off('data', this.drop).pause();
    this.drop();
    return socket;
  }

  /** Whatever is still watched by the signal ends with it. */
  readonly drop = (): void => {
    clearTimeout(this.#timer);
    this.#ready = undefined;
    // Nobody reads the reason; an exception with its stack, the default, costs more than all the rest.
    this.#end.abort('over');
  };

  /** The end is seen by reading only; a server that speaks first is none. */
  readonly #keep = (socket: Socket): void => {
    const stopWatching = watchSocket(socket, this.#end.signal, this.drop);
    if (this.isOver) return;
    socket.on('data', this.drop);
    this.#ready = { socket, stopWatching };
  };
}
