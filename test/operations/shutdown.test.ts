import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Drain } from '../../src/operations/drain.js';
import { listen } from '../../src/operations/listening.js';
import { createLogger } from '../../src/operations/logging.js';
import { Shutdown } from '../../src/operations/shutdown.js';
import type { ShutdownHooks } from '../../src/operations/shutdown.js';
import { startChild } from './support/child.js';
import type { Child } from './support/child.js';
import { keepAliveLoad } from './support/keep-alive-load.js';
import { MemoryDestination } from './support/records.js';

async function startStopping(): Promise<{ child: Child; port: number }> {
  const child = startChild('stopping-program.ts');
  const { port } = (await child.message()) as { port: number };
  return { child, port };
}

/** A request that the program holds until it is told to release it. */
async function holdRequest(child: Child, port: number): Promise<{ answer: Promise<string> }> {
  const answer = new Promise<string>((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/held' }, (response) => {
      resolve(text(response));
    }).on('error', reject);
  });
  expect(await child.message()).toBe('held');
  return { answer };
}

function logLines(output: string): Record<string, unknown>[] {
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a process that is told to stop', () => {
  it('resets no request under keep-alive load', async () => {
    const { child, port } = await startStopping();
    const result = await keepAliveLoad(port, 50, (count) => {
      if (count === 500) child.process.kill('SIGTERM');
    });
    expect(await child.ended).toBe(0);
    expect(result).toEqual({ answered: expect.any(Number) as number, refused: 50, reset: 0 });
  });

  it.each([
    ['twice, as from npm and a terminal', 'SIGINT', 'SIGINT'],
    ['in two ways', 'SIGTERM', 'SIGINT'],
  ] as const)('finishes the request under way also when told %s', async (_, first, second) => {
    const { child, port } = await startStopping();
    const { answer } = await holdRequest(child, port);
    child.process.kill(first);
    expect(await child.message()).toBe('beforeStop');
    child.process.kill(second);
    child.process.send('release');
    expect(await answer).toBe('released');
    expect(await child.ended).toBe(0);
  });

  it('says that it stops before it waits for the request under way, and closes the rest after it', async () => {
    const { child, port } = await startStopping();
    const { answer } = await holdRequest(child, port);
    const steps: unknown[] = [];
    child.process.on('message', (step) => steps.push(step));
    child.process.kill('SIGTERM');
    await once(child.process, 'message');
    expect(steps).toEqual(['beforeStop']);
    child.process.send('release');
    expect(await answer).toBe('released');
    expect(await child.ended).toBe(0);
    expect(steps).toEqual(['beforeStop', 'stop', 'afterStop']);
  });

  it.each([
    ['an exception that nobody caught', 'throw', 'uncaughtException'],
    ['a rejection that nobody handled', 'reject', 'unhandledRejection'],
  ])('finishes the request under way after %s, logs it and exits with 1', async (_, message, origin) => {
    const { child, port } = await startStopping();
    const { answer } = await holdRequest(child, port);
    child.process.send(message);
    expect(await child.message()).toBe('beforeStop');
    child.process.send('release');
    expect(await answer).toBe('released');
    expect(await child.ended).toBe(1);
    const fatal = logLines(await child.output).find(({ level }) => level === 60);
    expect(fatal).toMatchObject({ origin, err: { message: 'nobody catches this' } });
  });
});

/** A server whose only answer is the one that the test gives. */
async function startHolding(): Promise<{
  server: Server;
  drain: Drain;
  port: number;
  request: Promise<IncomingMessage>;
}> {
  const server = createServer();
  const drain = new Drain(server);
  const request = once(server, 'request').then(([message]) => message as IncomingMessage);
  const port = await listen(server, { host: '127.0.0.1', port: 0, setting: 'PORT' });
  return { server, drain, port, request };
}

describe('draining a server', () => {
  it('ends connections that stay silent, those that never sent anything included', async () => {
    const { server, drain, port } = await startHolding();
    server.on('request', (_, response) => response.end('done'));
    const used = connect(port, '127.0.0.1');
    const unused = connect(port, '127.0.0.1');
    used.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(used, 'data');
    const ended = [once(used.resume(), 'close'), once(unused.resume(), 'close')];
    expect(await drain.run({ timeoutMs: 20_000, quietMs: 5 })).toBe('drained');
    await Promise.all(ended);
  });

  it('tells the client of a request under way that the connection ends with the answer', async () => {
    const { server, drain, port } = await startHolding();
    server.on('request', (_, response) => {
      void drain.run({ timeoutMs: 20_000 });
      response.end('done');
    });
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect((await text(socket)).toLowerCase()).toContain('connection: close');
  });

  it('cuts off what is still under way when its time is over, and says so', async () => {
    const { drain, port, request } = await startHolding();
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const ended = once(socket.resume(), 'close').catch(() => undefined);
    await request;
    expect(await drain.run({ timeoutMs: 20 })).toBe('cut');
    await ended;
  });

  it('has nothing to do for a server that does not listen', async () => {
    expect(await new Drain(createServer()).run({ timeoutMs: 1000 })).toBe('drained');
  });
});

describe('the shutdown of a service', () => {
  async function shutdownOf(hooks: ShutdownHooks, timeoutMs = 20_000) {
    const server = createServer();
    const destination = new MemoryDestination();
    const logger = createLogger({ level: 'info', destination });
    const shutdown = new Shutdown({ server, logger, hooks, timeoutMs });
    const port = await listen(server, { host: '127.0.0.1', port: 0, setting: 'PORT' });
    return { shutdown, server, destination, port };
  }

  it('runs once, however often it is asked for', async () => {
    let stops = 0;
    const { shutdown } = await shutdownOf({
      stop: () => {
        stops++;
      },
    });
    const codes = await Promise.all([shutdown.stop('SIGTERM'), shutdown.stop('SIGINT', 5)]);
    expect([codes, await shutdown.stop('again'), stops]).toEqual([[0, 0], 0, 1]);
  });

  it('runs the later hooks when one fails, logs the failure and reports it by the exit code', async () => {
    const steps: string[] = [];
    const { shutdown, destination } = await shutdownOf({
      beforeStop: () => Promise.reject(new Error('broken hook')),
      stop: () => void steps.push('stop'),
      afterStop: () => void steps.push('afterStop'),
    });
    expect(await shutdown.stop('SIGTERM')).toBe(1);
    expect(steps).toEqual(['stop', 'afterStop']);
    expect(destination.parsed()).toContainEqual(
      expect.objectContaining({
        hook: 'beforeStop',
        err: expect.objectContaining({ message: 'broken hook' }) as object,
      }),
    );
  });

  it('keeps accepting until beforeStop is through', async () => {
    const { shutdown, port } = await shutdownOf({
      beforeStop: async () => {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        socket.destroy();
      },
    });
    expect(await shutdown.stop('SIGTERM')).toBe(0);
  });

  it('exits with 1 when requests had to be cut off, and keeps another code that was asked for', async () => {
    const codes = await Promise.all(
      [0, 7].map(async (exitCode) => {
        const { shutdown, server, port } = await shutdownOf({}, 20);
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
        await once(server, 'request');
        return shutdown.stop('SIGTERM', exitCode);
      }),
    );
    expect(codes).toEqual([1, 7]);
  });
});
