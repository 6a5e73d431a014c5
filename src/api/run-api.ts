import type { Logger } from 'pino';
import { AccessSetupError } from '../access/access-runtime.js';
import { exitPortUnavailable, ListenError } from '../operations/listening.js';
import { createLogger, flushLog } from '../operations/logging.js';
import { Shutdown, stopOnSignals } from '../operations/shutdown.js';
import type { ApiSettings } from '../settings/api-settings.js';
import { exitSettings } from '../settings/report.js';
import { startApi } from './start-api.js';
import type { RunningApi } from './start-api.js';

/** Runs the API until a signal ends it. A start that fails is told in one line and by the exit code. */
export async function runApi(settings: ApiSettings): Promise<void> {
  const logger = createLogger({ level: settings.logLevel, pretty: process.stdout.isTTY });
  try {
    stopWithProcess(await startApi(settings, logger), settings, logger);
  } catch (error) {
    flushLog(logger);
    process.exitCode = exitCodeOf(error);
    if (process.exitCode === 1) throw error;
    process.stderr.write(`${(error as Error).message}\n`);
  }
}

function stopWithProcess(api: RunningApi, settings: ApiSettings, logger: Logger): void {
  const hooks = {
    beforeStop: () => {
      api.readiness.stop();
    },
    stop: () => api.close(),
  };
  const shutdown = new Shutdown({ server: api.server, logger, hooks, timeoutMs: settings.shutdownTimeoutMs });
  stopOnSignals(shutdown, logger);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof ListenError) return exitPortUnavailable;
  return error instanceof AccessSetupError ? exitSettings : 1;
}
