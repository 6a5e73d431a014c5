import { describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { createLogger, decisionLogSink, droppedLogLines } from '../../src/operations/logging.js';
import type { LogLevel } from '../../src/operations/logging.js';
import { nestLogger } from '../../src/operations/nest-logger.js';
import { decisionOutcomes } from '../../src/policy/decision-record.js';
import { MemoryDestination, decisionRecord } from './support/records.js';

const jwt = 'eyJraWQiOiIxIiwiYWxnIjoiUlMyNTYifQ.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl';

function memoryLogger(level: LogLevel = 'info') {
  const destination = new MemoryDestination();
  return { destination, logger: createLogger({ level, destination }) };
}

describe('the logger', () => {
  it('writes one JSON object per line, with level and time', () => {
    const { destination, logger } = memoryLogger();
    logger.info({ port: 8086 }, 'listening');
    expect(destination.parsed()).toEqual([
      { level: 30, time: expect.any(Number) as number, port: 8086, msg: 'listening' },
    ]);
  });

  it('keeps secrets out, wherever they are put', () => {
    const { destination, logger } = memoryLogger('trace');
    logger.info({ headers: { authorization: 'Basic abc123secret' } });
    logger.warn(`the token was ${jwt}`);
    logger.error(new Error(`cannot use ${jwt}`));
    logger.debug('the token was %s', jwt);
    logger.child({ seen: jwt }).info('from a child');
    logger.trace({
      err: Object.assign(new Error('failed'), { request: { headers: { authorization: 'abc123secret' } } }),
    });
    expect(destination.lines).toHaveLength(6);
    expect(destination.text).not.toContain('abc123secret');
    expect(destination.text).not.toContain(jwt);
    expect(destination.text).not.toContain('c2lnbmF0dXJl');
  });

  it('logs an error under err, with its message as the line’s', () => {
    const { destination, logger } = memoryLogger();
    logger.error(new RangeError('too far'));
    expect(destination.parsed()[0]).toMatchObject({ level: 50, msg: 'too far', err: { type: 'RangeError' } });
  });

  it('keeps a message given beside an error', () => {
    const { destination, logger } = memoryLogger();
    logger.error(new Error('cause'), 'could not %s', 'start');
    expect(destination.parsed()[0]).toMatchObject({ msg: 'could not start', err: { message: 'cause' } });
  });

  it('has dropped nothing where its destination drops nothing', () => {
    expect(droppedLogLines(memoryLogger().logger)).toBe(0);
  });
});

describe('the log sink for decisions', () => {
  it('writes one line for each record', () => {
    const { destination, logger } = memoryLogger();
    const sink = decisionLogSink(logger);
    for (const outcome of decisionOutcomes) sink(decisionRecord({ outcome }));
    expect(destination.parsed().map((line) => line.outcome)).toEqual(decisionOutcomes);
  });

  it('leaves out the ordinary outcomes at level warn, and all of them when silent', () => {
    const written = (level: LogLevel) => {
      const { destination, logger } = memoryLogger(level);
      const sink = decisionLogSink(logger);
      for (const outcome of decisionOutcomes) sink(decisionRecord({ outcome }));
      return destination.parsed().map((line) => line.outcome);
    };
    expect(written('warn')).toEqual(['undefined', 'authentication_unavailable', 'authorization_unavailable']);
    expect(written('silent')).toEqual([]);
  });

  it('is refused to a logger that was made elsewhere, whose destination it does not know', () => {
    expect(() => decisionLogSink(pino({ enabled: false }))).toThrow(TypeError);
  });
});

describe('the adapter for Nest', () => {
  it('turns Nest’s last argument into the context and its levels into pino’s', () => {
    const { destination, logger } = memoryLogger('trace');
    const nest = nestLogger(logger);
    nest.log('started', 'NestFactory');
    nest.warn('slow', 'Router');
    nest.debug('detail', 'Injector');
    nest.verbose('more', 'Injector');
    nest.fatal('lost', 'NestFactory');
    expect(destination.parsed().map(({ level, msg, context }) => [level, msg, context])).toEqual([
      [30, 'started', 'NestFactory'],
      [40, 'slow', 'Router'],
      [20, 'detail', 'Injector'],
      [10, 'more', 'Injector'],
      [60, 'lost', 'NestFactory'],
    ]);
  });

  it('tells the stack of an error from its context', () => {
    const { destination, logger } = memoryLogger();
    const stack = 'Error: no\n    at somewhere';
    nestLogger(logger).error('no', stack, 'ExceptionsHandler');
    nestLogger(logger).error('no', stack);
    nestLogger(logger).error('no', 'ExceptionsHandler');
    const [both, stackOnly, contextOnly] = destination.parsed();
    expect(both).toMatchObject({ msg: 'no', stack, context: 'ExceptionsHandler' });
    expect(stackOnly).toMatchObject({ msg: 'no', stack });
    expect(stackOnly).not.toHaveProperty('context');
    expect(contextOnly).toMatchObject({ msg: 'no', context: 'ExceptionsHandler' });
  });

  it('takes errors and objects as messages, redacted like all others', () => {
    const { destination, logger } = memoryLogger();
    nestLogger(logger).error(new Error(`bad ${jwt}`), undefined, 'Router');
    nestLogger(logger).log({ token: 'x', id: 1 }, 'Router');
    const [error, object] = destination.parsed();
    expect(error).toMatchObject({ msg: 'bad [redacted]', err: { type: 'Error' }, context: 'Router' });
    expect(object).toMatchObject({ details: { token: '[redacted]', id: 1 }, context: 'Router' });
  });

  it('leaves out what Nest did not say', () => {
    const { destination, logger } = memoryLogger();
    nestLogger(logger).error('no', undefined, undefined, 'Router');
    expect(destination.parsed()[0]).not.toHaveProperty('more');
  });

  it('leaves to its starter what Nest both logs and throws', () => {
    const { destination, logger } = memoryLogger();
    nestLogger(logger).error(new Error('no such bundle'), 'ExceptionHandler');
    nestLogger(logger).error('listen EADDRINUSE', undefined, 'NestApplication');
    nestLogger(logger).log('started', 'NestApplication');
    expect(destination.parsed().map(({ msg }) => msg)).toEqual(['started']);
  });
});
