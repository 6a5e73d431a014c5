import type { Server } from 'node:http';
import type { Logger } from 'pino';
import { SetupError } from '../base/setup-error.js';
import { flushLog } from './logging.js';
import type { Drainable } from './drain.js';
import type { Readiness } from './readiness.js';
import { Shutdown, stopOnSignals } from './shutdown.js';

/** A service that listens. */
export interface RunningService {
  readonly server: Server | Drainable;
  readonly readiness: Readiness;
  /** Ends everything that the service holds; requests under way have been waited for. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly logger: Logger;
  /** How long requests under way may take to finish, in milliseconds. */
  readonly shutdownTimeoutMs: number;
  /** Rejects with a SetupError when the settings or the machine are not as needed. */
  readonly start: () => Promise<RunningService>;
}

/** How long a start may still go on when the process was told to stop, in milliseconds. */
const startPatienceMs = 3000;

/** Runs a service until a signal ends it. A start that fails is told in one line and by the exit code. */
export async function runService({ logger, shutdownTimeoutMs, start }: ServiceOptions): Promise<void> {
  const handOver = keepSignals();
  try {
    stopWithProcess(await start(), logger, shutdownTimeoutMs);
    handOver();
  } catch (error) {
    await flushLog(logger);
    if (!(error instanceof SetupError)) throw error;
    process.exitCode = error.exitCode;
    process.stderr.write(`${error.message}\n`);
  }
}

function stopWithProcess(service: RunningService, logger: Logger, timeoutMs: number): void {
  const hooks = {
    beforeStop: () => {
      service.readiness.stop();
    },
    stop: () => service.close(),
  };
  stopOnSignals(new Shutdown({ server: service.server, logger, hooks, timeoutMs }), logger);
}

/**
 * Keeps a signal that arrives during the start until there is somebody to stop the service in order, who gets it when
 * the function that is returned is called. As first process of a container this one would not even hear of it: there,
 * signals that nobody handles are dropped.
 */
function keepSignals(): () => void {
  let kept: NodeJS.Signals | undefined;
  let patience: NodeJS.Timeout | undefined;
  const keep = (signal: NodeJS.Signals): void => {
    kept = signal;
    patience ??= setTimeout(() => process.exit(0), startPatienceMs).unref();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, keep);
  return () => {
    clearTimeout(patience);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, keep);
    if (kept !== undefined) process.kill(process.pid, kept);
  };
}
