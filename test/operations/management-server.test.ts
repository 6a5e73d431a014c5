import { createServer } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { ListenError, listen, toListenError } from '../../src/operations/listening.js';
import { startManagementServer } from '../../src/operations/management-server.js';
import type { ManagementServer } from '../../src/operations/management-server.js';
import type { MetricsPage } from '../../src/operations/metrics.js';
import { Readiness } from '../../src/operations/readiness.js';

const metrics: MetricsPage = {
  contentType: 'text/plain; version=0.0.4',
  text: () => Promise.resolve('up 1\n'),
};
const opened: ManagementServer[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

async function start(readiness = new Readiness([]), page = metrics): Promise<ManagementServer> {
  const address = { host: '127.0.0.1', port: 0, setting: 'MANAGEMENT_PORT' };
  const server = await startManagementServer({ address, readiness, metrics: page });
  opened.push(server);
  return server;
}

async function get(server: ManagementServer, path: string, init?: RequestInit) {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
  return { status: response.status, headers: response.headers, body: await response.text() };
}

describe('the management server', () => {
  it('says that the process lives', async () => {
    const { status, body } = await get(await start(), '/health/live');
    expect([status, JSON.parse(body)]).toEqual([200, { status: 'live' }]);
  });

  it('answers 200 when ready and 503 with the reasons when not', async () => {
    let ok = true;
    const check = () => Promise.resolve({ ok, reason: 'no keys' });
    const server = await start(new Readiness([{ name: 'key_set', check }], { maxAgeMs: 0 }));
    expect((await get(server, '/health/ready')).status).toBe(200);
    ok = false;
    const { status, body } = await get(server, '/health/ready');
    expect(status).toBe(503);
    expect(JSON.parse(body)).toEqual({
      status: 'not_ready',
      checks: [{ name: 'key_set', status: 'down', reason: 'no keys' }],
    });
  });

  it('stays alive while it is not ready', async () => {
    const readiness = new Readiness([]);
    const server = await start(readiness);
    readiness.stop();
    expect((await get(server, '/health/ready')).status).toBe(503);
    expect((await get(server, '/health/live')).status).toBe(200);
  });

  it('serves the metrics under their own media type', async () => {
    const { status, headers, body } = await get(await start(), '/metrics');
    expect([status, headers.get('content-type'), body]).toEqual([200, metrics.contentType, 'up 1\n']);
  });

  it('answers 500 when the metrics fail, and goes on', async () => {
    const failing = { ...metrics, text: () => Promise.reject(new Error('a source failed')) };
    const server = await start(new Readiness([]), failing);
    expect(await get(server, '/metrics')).toMatchObject({ status: 500 });
    expect(await get(server, '/health/live')).toMatchObject({ status: 200 });
  });

  it.each(['/', '/health', '/health/live/', '/METRICS', '/__proto__', '/toString'])(
    'knows no %s',
    async (path) => {
      expect((await get(await start(), path)).status).toBe(404);
    },
  );

  it('takes a query for nothing', async () => {
    expect((await get(await start(), '/health/live?verbose')).status).toBe(200);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s with what is allowed', async (method) => {
    const { status, headers } = await get(await start(), '/metrics', { method });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('answers HEAD with the headers alone', async () => {
    const { status, headers, body } = await get(await start(), '/metrics', { method: 'HEAD' });
    expect([status, headers.get('content-length'), body]).toEqual([200, '5', '']);
  });

  it('refuses headers beyond its bound', async () => {
    const headers = { 'x-long': 'a'.repeat(10_000) };
    expect((await get(await start(), '/health/live', { headers })).status).toBe(431);
  });

  it('does not read a body', async () => {
    const server = await start();
    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer.toLowerCase()).toContain('connection: close');
  });

  it('closes with a connection still open, and closes again without complaint', async () => {
    const server = await start();
    const socket = connect(server.port, '127.0.0.1');
    const ended = text(socket).catch(() => 'reset');
    await get(server, '/health/live');
    await server.close();
    await server.close();
    expect(['', 'reset']).toContain(await ended);
    await expect(get(server, '/health/live')).rejects.toThrow();
  });
});

describe('a port that cannot be listened on', () => {
  it('is named together with its setting', async () => {
    const { port } = await start();
    const address = { host: '127.0.0.1', port, setting: 'MANAGEMENT_PORT' };
    const failure = startManagementServer({ address, readiness: new Readiness([]), metrics });
    await expect(failure).rejects.toThrow(ListenError);
    await expect(failure).rejects.toThrow(`port ${port} is in use; set MANAGEMENT_PORT to another port`);
  });

  it('is told apart from other failures, which pass as they are', async () => {
    const address = { host: 'no-such-host.invalid', port: 0, setting: 'PORT' };
    const failure = await listen(createServer(), address).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(ListenError);
  });

  it('is recognised in the error of a server that another library started', () => {
    const address = { host: '0.0.0.0', port: 80, setting: 'PORT' };
    const denied = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });
    expect(toListenError(denied, address)).toMatchObject({
      message: 'port 80 needs more rights than this user has; set PORT to another port',
      cause: denied,
    });
  });
});
