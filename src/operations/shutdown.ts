import type { Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Drain } from './drain.js';
import type { Drainable } from './drain.js';
import { flushLog } from './logging.js';

/** What else has to happen, in this order. */
export interface ShutdownHooks {
  /** At once, while requests are still accepted: say that the service is not ready. */
  beforeStop?(): void | Promise<void>;
  /** When the last request is finished: close the application and its connections to upstreams. */
  stop?(): void | Promise<void>;
  /** At the very end: close what reports on the rest. */
  afterStop?(): void | Promise<void>;
}

export interface ShutdownOptions {
  /** Best handed in before it listens, so that every connection is known; or what ends its connections itself. */
  readonly server: Server | Drainable;
  readonly logger: Logger;
  readonly hooks: ShutdownHooks;
  /** Time between `beforeStop` and the end of accepting, for balancers to notice, in milliseconds; 0 by default. */
  readonly delayMs?: number;
  /** How long requests under way may take to finish, in milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
}

/** Time for the hooks together, beyond that for requests, in milliseconds. */
const hooksTimeoutMs = 3000;

/** Exit code when requests were cut off or a hook failed or hung. */
const exitUnclean = 1;

/** Stops a service once, in order and within bounds, however often it is told to. */
export class Shutdown {
  readonly #options: Required<ShutdownOptions>;
  readonly #drain: Drainable;
  #stopping: Promise<number> | undefined;

  constructor(options: ShutdownOptions) {
    this.#options = { delayMs: 0, timeoutMs: 10_000, ...options };
    this.#drain = 'run' in options.server ? options.server : new Drain(options.server);
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  /**
   * Starts the stop, or joins the one under way.
   *
   * @param reason for the log: the name of a signal
   * @param exitCode when all goes well
   * @returns the exit code; never rejects
   */
  stop(reason: string, exitCode = 0): Promise<number> {
    this.#stopping ??= this.#run(reason, exitCode);
    return this.#stopping;
  }

  async #run(reason: string, exitCode: number): Promise<number> {
    const { logger, delayMs, timeoutMs } = this.#options;
    logger.info({ reason }, 'stopping');
    const abandon = new AbortController();
    const limit = delayMs + timeoutMs + hooksTimeoutMs;
    const clean = await Promise.race([this.#steps(), wait(limit, false, { signal: abandon.signal })]);
    abandon.abort();
    logger.info({ reason, clean }, 'stopped');
    return clean ? exitCode : exitCode || exitUnclean;
  }

  /** True when nothing was cut off and every hook succeeded. */
  async #steps(): Promise<boolean> {
    const { hooks, delayMs, timeoutMs } = this.#options;
    const announced = await this.#succeeds('beforeStop', async () => hooks.beforeStop?.());
    if (delayMs > 0) await wait(delayMs);
    const drained = (await this.#drain.run({ timeoutMs })) === 'drained';
    if (!drained) this.#options.logger.warn({ timeoutMs }, 'requests still under way were cut off');
    const stopped = await this.#succeeds('stop', async () => hooks.stop?.());
    const ended = await this.#succeeds('afterStop', async () => hooks.afterStop?.());
    return announced && drained && stopped && ended;
  }

  /** A hook that fails must not keep the later ones from running. */
  async #succeeds(hook: keyof ShutdownHooks, run: () => Promise<void>): Promise<boolean> {
    try {
      await run();
      return true;
    } catch (error) {
      this.#options.logger.error({ err: error, hook }, 'a step of the shutdown failed');
      return false;
    }
  }
}

/**
 * Ends this process in order on SIGTERM and SIGINT, and after an exception that nobody caught.
 *
 * Signals during the stop change nothing: npm passes SIGINT on while the terminal has sent it too, so a second one says
 * nothing about anybody's patience. The stop is bounded in time instead.
 */
export function stopOnSignals(shutdown: Shutdown, logger: Logger): void {
  const end = (reason: string, exitCode: number): void => {
    if (shutdown.isStopping) return;
    void shutdown.stop(reason, exitCode).then(async (code) => {
      await flushLog(logger);
      process.exit(code);
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      end(signal, 0);
    });
  }
  // Unhandled rejections arrive here too, named by their origin. What state the process is in nobody knows: it
  // finishes what it accepted and goes.
  process.on('uncaughtException', (error: unknown, origin) => {
    logger.fatal({ err: error, origin }, 'uncaught exception');
    end(origin, exitUnclean);
  });
}
