import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createUndiciUpstream } from '../../src/base/undici-upstream.js';
import type { UndiciUpstream, UndiciUpstreamOptions } from '../../src/base/undici-upstream.js';
import { sendJson, startMisbehavingServer } from '../support/misbehaving-server.js';
import type { MisbehavingServer, StandInAnswer } from '../support/misbehaving-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const timeoutMs = 250;
const maxBytes = 1000;

describe('an upstream over undici', () => {
  let answer: StandInAnswer;
  let server: MisbehavingServer;
  let upstream: UndiciUpstream;

  function connect(options: Partial<UndiciUpstreamOptions> = {}): UndiciUpstream {
    return createUndiciUpstream(server.origin, { connections: 4, connectTimeoutMs: timeoutMs, ...options });
  }

  function post(path = '/', body = '{}') {
    const url = new URL(path, server.origin);
    return upstream.call({ method: 'POST', url, headers: { 'x-test': 'yes' }, body, timeoutMs, maxBytes });
  }

  beforeEach(async () => {
    answer = (_, response) => {
      sendJson(response, 200, { good: true });
    };
    server = await startMisbehavingServer((request, response) => {
      answer(request, response);
    });
    upstream = connect();
  });

  afterEach(async () => {
    await upstream.close();
    await server.close();
  });

  it('sends method, path with query, headers and body, and returns status, headers and text', async () => {
    const outcome = await post('/v1/data/a%20b?provenance=true', '{"input":{}}');
    expect(outcome).toMatchObject({
      ok: true,
      value: { status: 200, headers: { 'content-type': 'application/json' }, text: '{"good":true}' },
    });
    const received = { method: 'POST', url: '/v1/data/a%20b?provenance=true', body: '{"input":{}}' };
    expect(server.requests).toMatchObject([{ ...received, headers: { 'x-test': 'yes' } }]);
  });

  it('keeps sockets for the next call instead of opening one for each', async () => {
    for (let calls = 0; calls < 10; calls++) await post();
    expect(server.openSockets).toBeLessThanOrEqual(2);
  });

  it('puts an answer together that comes in pieces, in the middle of a character too', async () => {
    const [first, second] = [Buffer.from('"é"').subarray(0, 2), Buffer.from('"é"').subarray(2)];
    answer = (_, response) => {
      response.write(first, () => setImmediate(() => response.end(second)));
    };
    expect(await post()).toMatchObject({ ok: true, value: { text: '"é"' } });
  });

  it.each([
    { how: 'refused', code: 'unreachable' },
    { how: 'silent', code: 'timeout' },
    { how: 'reset mid-body', code: 'broken' },
    { how: 'drip', code: 'timeout' },
    { how: 'status 500', code: 'status' },
    { how: 'status 429', code: 'rate_limited' },
    { how: 'redirect', code: 'redirect' },
    { how: 'huge body', code: 'oversized' },
    { how: 'gzip bomb', code: 'misshapen' },
  ] as const)(
    'refuses as $code when the server is "$how", leaks no socket, and works again after',
    async ({ how, code }) => {
      await server.misbehave(how);
      const outcomes = await Promise.all([post(), post(), post()]);
      expect(outcomes.map((outcome) => outcome.ok || outcome.code)).toEqual([code, code, code]);
      await server.misbehave('well');
      expect(await post()).toMatchObject({ ok: true });
      await vi.waitFor(() => {
        expect(server.openSockets).toBeLessThanOrEqual(4);
      });
      await upstream.close();
      await vi.waitFor(() => {
        expect(server.openSockets).toBe(0);
      });
    },
  );

  it.each([
    { header: '7', seconds: 7 },
    { header: '9999', seconds: 3600 },
    { header: 'Fri, 31 Dec 1999 23:59:59 GMT', seconds: undefined },
    { header: '-1', seconds: undefined },
  ])('passes Retry-After "$header" on as $seconds seconds', async ({ header, seconds }) => {
    answer = (_, response) => {
      sendJson(response, 503, {}, { 'retry-after': header });
    };
    const outcome = await post();
    expect(outcome).toMatchObject({ ok: false, code: 'status' });
    expect(outcome.ok ? undefined : outcome.retryAfterSeconds).toBe(seconds);
  });

  it.each([400, 401, 429, 503])(
    'gives an answer of %i with its body to who wants every status',
    async (status) => {
      answer = (_, response) => {
        sendJson(response, status, { error: 'a_reason' }, { 'retry-after': '7' });
      };
      await upstream.close();
      upstream = connect({ anyStatus: true });
      const value = { status, headers: { 'retry-after': '7' }, text: '{"error":"a_reason"}' };
      expect(await post()).toMatchObject({ ok: true, value });
    },
  );

  it.each([
    { how: 'redirect', code: 'redirect' },
    { how: 'gzip bomb', code: 'misshapen' },
    { how: 'huge body', code: 'oversized' },
  ] as const)('refuses as $code what is a "$how", whatever statuses are wanted', async ({ how, code }) => {
    await upstream.close();
    upstream = connect({ anyStatus: true });
    await server.misbehave(how);
    expect(await post()).toMatchObject({ ok: false, code });
  });

  it('reads an answer of exactly the bytes that are allowed, and refuses one more', async () => {
    let length = maxBytes;
    answer = (_, response) => response.end('x'.repeat(length));
    expect(await post()).toMatchObject({ ok: true });
    length++;
    expect(await post()).toMatchObject({ ok: false, code: 'oversized' });
  });

  it('refuses a length that is too large before any body has come', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': String(maxBytes + 1) }).flushHeaders();
    };
    expect(await post()).toMatchObject({ ok: false, code: 'oversized' });
  });

  it('counts bytes where the server names no length', async () => {
    answer = (_, response) => {
      response.write('x'.repeat(maxBytes));
      response.write('x');
    };
    expect(await post()).toMatchObject({ ok: false, code: 'oversized' });
  });

  it('never sends a call whose deadline passed while it waited for a connection', async () => {
    await upstream.close();
    upstream = connect({ connections: 1 });
    const release = server.hold();
    const [first, second] = await Promise.all([post('/first'), post('/second')]);
    expect([first, second]).toMatchObject([{ code: 'timeout' }, { code: 'timeout' }]);
    release();
    expect(await post('/third')).toMatchObject({ ok: true });
    expect(server.requests.map(({ url }) => url)).toEqual(['/first', '/third']);
  });

  it('ends calls under way as broken when it is closed, and refuses later ones', async () => {
    server.hold();
    const underWay = post();
    await server.received(1);
    await upstream.close();
    expect(await underWay).toMatchObject({ ok: false, code: 'broken' });
    expect(await post()).toMatchObject({ ok: false, code: 'unreachable' });
  });

  it('sends a call once more when its connection ends without an answer, on a new one', async () => {
    const used = new WeakSet<object>();
    await Promise.all([post(), post(), post(), post()]);
    await server.misbehave(({ socket }, answerWell) => {
      if (socket === null || used.has(socket)) return socket?.destroy();
      used.add(socket);
      answerWell();
    });
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => post()));
    expect(new Set(outcomes.map(({ ok }) => ok))).toEqual(new Set([true]));
  });

  it.each([
    { ends: 'before', how: (response: ServerResponse) => response.destroy(), calls: 2 },
    { ends: 'after', how: 'reset mid-body', calls: 1 },
  ] as const)(
    'gives up after $calls calls when the connection ends $ends the head',
    async ({ how, calls }) => {
      await server.misbehave(how);
      expect(await post()).toMatchObject({ ok: false, code: 'broken' });
      expect(server.requests).toHaveLength(calls);
    },
  );

  it('takes the answer that follows interim ones', async () => {
    await server.misbehave((response, answerWell) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      answerWell();
    });
    expect(await post()).toMatchObject({ ok: true, value: { status: 200, text: '{"good":true}' } });
  });

  it('connects to a Unix socket', async () => {
    const { path: folder, remove } = temporaryFolder();
    const socketPath = join(folder, 'a.sock');
    const onSocket = createServer((request, response) => response.end(request.url)).listen(socketPath);
    await once(onSocket, 'listening');
    await upstream.close();
    upstream = connect({ socketPath });
    expect(await post('/over/socket')).toMatchObject({ ok: true, value: { text: '/over/socket' } });
    await upstream.close();
    onSocket.close();
    remove();
  });
});
