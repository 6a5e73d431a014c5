import { createLogger } from '../operations/logging.js';
import { runService } from '../operations/run-service.js';
import type { IssuerSettings } from '../settings/issuer-settings.js';
import { startIssuer } from './start-issuer.js';

/** Runs the issuer until a signal ends it. */
export async function runIssuer(settings: IssuerSettings): Promise<void> {
  const { logLevel, shutdownTimeoutMs } = settings;
  const logger = createLogger({ level: logLevel, pretty: process.stdout.isTTY });
  await runService({ logger, shutdownTimeoutMs, start: () => startIssuer(settings, logger) });
}
