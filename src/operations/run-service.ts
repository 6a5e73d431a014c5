import type { Server } from 'node:http';
import type { Logger } from 'pino';
import { SetupError } from '../base/setup-error.js';
import { flushLog } from './logging.js';
import type { Readiness } from './readiness.js';
import { Shutdown, stopOnSignals } from './shutdown.js';

/** A service that listens. */
export interface RunningService {
  readonly server: Server;
  readonly readiness: Readiness;
  /** Ends everything that the service holds; requests under way have been waited for. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly logger: Logger;
  /** How long requests under way may take to finish, in milliseconds. */
  readonly shutdownTimeoutMs: number;
  /** @throws SetupError when the settings or the machine are not as needed */
  start(): Promise<RunningService>;
}

/** Runs a service until a signal ends it. A start that fails is told in one line and by the exit code. */
export async function runService({ logger, shutdownTimeoutMs, start }: ServiceOptions): Promise<void> {
  try {
    stopWithProcess(await start(), logger, shutdownTimeoutMs);
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
