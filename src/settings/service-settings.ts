import { oneOf, wholeNumber } from './schemas.js';
import { setting } from './setting.js';

/** What every service that runs has to be told. */
export const serviceSettings = {
  logLevel: setting({
    name: 'LOG_LEVEL',
    schema: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    fallback: 'info',
    meaning: 'the least severe level that is logged; decisions are logged at info',
  }),
  shutdownTimeoutMs: setting({
    name: 'SHUTDOWN_TIMEOUT_MS',
    schema: wholeNumber(0, 300_000),
    fallback: '10000',
    meaning: 'milliseconds that requests under way get to finish when the process is told to stop',
  }),
} as const;
