import type { Logger } from 'pino';

type Write = (message: unknown, ...details: unknown[]) => void;

/** The methods that Nest's `LoggerService` asks for; this room does not import Nest. */
export interface NestLogger {
  readonly log: Write;
  readonly error: Write;
  readonly warn: Write;
  readonly debug: Write;
  readonly verbose: Write;
  readonly fatal: Write;
}

/** Parts of Nest that log an error and throw it as well. Whoever starts the service tells it, in one line. */
const tellingTwice: ReadonlySet<unknown> = new Set(['ExceptionHandler', 'NestApplication']);

/** Lets Nest's own messages out through the logger, with Nest's context as a member of the line. */
export function nestLogger(logger: Logger): NestLogger {
  return {
    log: writer(logger, 'info'),
    error: errorWriter(logger, 'error'),
    warn: writer(logger, 'warn'),
    debug: writer(logger, 'debug'),
    verbose: writer(logger, 'trace'),
    fatal: errorWriter(logger, 'fatal'),
  };
}

type LevelName = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** Nest calls `log(message, ...more, context)`: the last detail names the part of Nest that speaks. */
function writer(logger: Logger, level: LevelName): Write {
  return (message, ...details) => {
    const context = details.pop();
    logger[level](
      { ...membersOf(message), ...(context !== undefined && { context }), ...others(details) },
      textOf(message),
    );
  };
}

/** Nest calls `error(message, stack?, context?)`; with one detail only, it is a stack when it has lines. */
function errorWriter(logger: Logger, level: LevelName): Write {
  const write = writer(logger, level);
  return (message, ...details) => {
    if (tellingTwice.has(details.at(-1))) return;
    const stack = details.find((detail) => typeof detail === 'string' && detail.includes('\n'));
    if (stack === undefined) {
      write(message, ...details);
      return;
    }
    const context = details.filter((detail) => detail !== stack).pop();
    logger[level](
      { ...membersOf(message), stack, ...(context !== undefined && { context }) },
      textOf(message),
    );
  };
}

function membersOf(message: unknown): Record<string, unknown> {
  if (message instanceof Error) return { err: message };
  return typeof message === 'string' || message === undefined ? {} : { details: message };
}

function textOf(message: unknown): string | undefined {
  if (message instanceof Error) return message.message;
  return typeof message === 'string' ? message : undefined;
}

function others(details: unknown[]): { more?: unknown[] } {
  const more = details.filter((detail) => detail !== undefined);
  return more.length > 0 ? { more } : {};
}
