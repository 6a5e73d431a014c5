import { createLogger } from '../operations/logging.js';
import { runService } from '../operations/run-service.js';
import type { GatewaySettings } from '../settings/gateway-settings.js';
import { startGateway } from './start-gateway.js';

/** Runs the SQL gateway until a signal ends it. */
export async function runGateway(settings: GatewaySettings): Promise<void> {
  const { logLevel, shutdownTimeoutMs } = settings;
  const logger = createLogger({ level: logLevel, pretty: process.stdout.isTTY });
  await runService({ logger, shutdownTimeoutMs, start: () => startGateway(settings, logger) });
}
