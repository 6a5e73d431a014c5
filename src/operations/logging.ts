import { createRequire } from 'node:module';
import { pino } from 'pino';
import type { Level, Logger } from 'pino';
import type { DecisionRecord, DecisionSink } from '../policy/decision-record.js';
import { createDecisionSerializer, decisionLevels } from './decision-line.js';
import { createBufferedDestination } from './log-destination.js';
import type { BufferedDestination, LogDestination } from './log-destination.js';
import { redact, redactText } from './redaction.js';

export type LogLevel = Level | 'silent';

export interface LoggingOptions {
  /** The least level that is written. */
  readonly level: LogLevel;
  /** Lines for people instead of JSON, where pino-pretty is installed; it is absent in production. */
  readonly pretty?: boolean;
  /** Where lines go; standard output, buffered, unless given. */
  readonly destination?: LogDestination;
}

/** Where each logger's lines go, for the decision lines that are made without pino. */
const destinations = new WeakMap<Logger, LogDestination>();

/**
 * A pino logger that writes JSON lines and no secret: members are redacted by name at every depth, credentials inside
 * text by their shape.
 */
export function createLogger(options: LoggingOptions): Logger {
  const destination =
    options.destination ?? prettyDestination(options.pretty ?? false) ?? createBufferedDestination(1);
  const logger = pino(
    {
      level: options.level,
      // Process id and host name are the collector's business; it knows them for every line.
      base: null,
      // An error has been described by the hook below when pino's own serializer would get to see it.
      serializers: { err: (described: unknown) => described },
      hooks: {
        logMethod(args, method) {
          method.apply(this, redactArguments(args));
        },
        // Bindings of child loggers pass here only.
        streamWrite: redactText,
      },
    },
    destination,
  );
  destinations.set(logger, destination);
  return logger;
}

type LogArguments = Parameters<Logger['info']>;

function redactArguments(args: LogArguments): LogArguments {
  const [first, ...others] = args as [unknown, ...unknown[]];
  const rest = others.map(redact);
  if (!(first instanceof Error)) return [redact(first), ...rest] as LogArguments;
  return [{ err: redact(first) }, ...(rest.length > 0 ? rest : [redactText(first.message)])] as LogArguments;
}

function prettyDestination(wanted: boolean): LogDestination | undefined {
  if (!wanted) return undefined;
  const pretty = prettyFactory();
  if (pretty === undefined) return undefined;
  const stream = pretty({ colorize: true, sync: true, translateTime: 'SYS:HH:MM:ss.l' });
  return {
    write: (line) => void stream.write(line),
    // It was told to write synchronously.
    flush: () => Promise.resolve(),
  };
}

type PrettyFactory = (options: object) => { write(line: string): unknown };

function prettyFactory(): PrettyFactory | undefined {
  try {
    return createRequire(import.meta.url)('pino-pretty') as PrettyFactory;
  } catch {
    return undefined;
  }
}

/**
 * Writes one structured line per decision record.
 *
 * @param logger made by {@link createLogger}; its level decides which outcomes are written (`allow` is info)
 */
export function decisionLogSink(logger: Logger): DecisionSink {
  const destination = destinations.get(logger);
  if (destination === undefined) throw new TypeError('decisionLogSink needs a logger made by createLogger');
  const line = createDecisionSerializer();
  const take =
    destination.makeLater?.(line) ??
    ((record: DecisionRecord) => {
      destination.write(line(record));
    });
  return (record) => {
    if (logger.levelVal <= decisionLevels[record.outcome]) take(record);
  };
}

/** Resolves when the operating system has every line logged so far; for use right before the process ends. */
export async function flushLog(logger: Logger): Promise<void> {
  await destinations.get(logger)?.flush();
}

/** Lines thrown away because whoever reads the log did not keep up; for the metric. */
export function droppedLogLines(logger: Logger): number {
  const destination: Partial<BufferedDestination> | undefined = destinations.get(logger);
  return destination?.droppedLines?.() ?? 0;
}
