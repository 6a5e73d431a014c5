import { createLogger } from '../operations/logging.js';
import { runService } from '../operations/run-service.js';
import type { ApiSettings } from '../settings/api-settings.js';
import { startApi } from './start-api.js';

/** Runs the API until a signal ends it. */
export async function runApi(settings: ApiSettings): Promise<void> {
  const { logLevel, shutdownTimeoutMs } = settings;
  const logger = createLogger({ level: logLevel, pretty: process.stdout.isTTY });
  await runService({ logger, shutdownTimeoutMs, start: () => startApi(settings, logger) });
}
