import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createHttpServer, httpLimits } from '../../src/api/http-server.js';
import { answerClientError } from '../../src/api/http-problem.js';
import { bearer, get, json, readAnswer, send, sendBytes } from '../support/api-client.js';
import { startApiWorld, startTestApi } from '../support/api-world.js';
import type { ApiWorld, TestApi } from '../support/api-world.js';

const head = 'Host: api.test\r\nConnection: close\r\n';
const long = (length: number) => 'x'.repeat(length);

interface Row {
  readonly what: string;
  readonly bytes: string;
  readonly status: number;
  readonly code: string;
}

const rows: readonly Row[] = [
  { what: 'bytes that are no HTTP', bytes: 'hello\r\n\r\n', status: 400, code: 'bad_request' },
  {
    what: 'the preface of HTTP/2',
    bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    status: 400,
    code: 'bad_request',
  },
  { what: 'the first bytes of TLS', bytes: '\x16\x03\x01\x02\x00\x01\x00', status: 400, code: 'bad_request' },
  {
    what: 'a method that nobody knows',
    bytes: `FOO / HTTP/1.1\r\n${head}\r\n`,
    status: 400,
    code: 'bad_request',
  },
  { what: 'no Host', bytes: 'GET /sayhello HTTP/1.1\r\n\r\n', status: 400, code: 'bad_request' },
  {
    what: 'a line feed alone',
    bytes: `GET /sayhello HTTP/1.1\r\nA: b\nC: d\r\n${head}\r\n`,
    status: 400,
    code: 'bad_request',
  },
  {
    what: 'NUL in a header',
    bytes: `GET /sayhello HTTP/1.1\r\nA: b\0\r\n${head}\r\n`,
    status: 400,
    code: 'bad_request',
  },
  {
    what: 'a folded header',
    bytes: `GET /sayhello HTTP/1.1\r\nAuthorization: Bearer\r\n abc\r\n${head}\r\n`,
    status: 400,
    code: 'bad_request',
  },
  {
    what: 'two lengths',
    bytes: `POST /sayhello HTTP/1.1\r\n${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    status: 400,
    code: 'bad_request',
  },
  {
    what: 'a length beside chunks',
    bytes: `POST /sayhello HTTP/1.1\r\n${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
    code: 'bad_request',
  },
  {
    what: 'a header of 17 KiB',
    bytes: `GET /sayhello HTTP/1.1\r\n${head}A: ${long(17 * 1024)}\r\n\r\n`,
    status: 431,
    code: 'header_too_large',
  },
  {
    what: 'a target of 17 KiB',
    bytes: `GET /${long(17 * 1024)} HTTP/1.1\r\n${head}\r\n`,
    status: 431,
    code: 'header_too_large',
  },
  {
    what: 'a body of 101 KiB',
    bytes: `POST /sayhello HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 103424\r\n\r\n`,
    status: 413,
    code: 'content_too_large',
  },
  {
    what: 'an escape that is none',
    bytes: `GET /%zz HTTP/1.1\r\n${head}\r\n`,
    status: 400,
    code: 'bad_request',
  },
  {
    what: 'an expectation that nobody meets',
    bytes: `GET /sayhello HTTP/1.1\r\n${head}Expect: wonders\r\n\r\n`,
    status: 417,
    code: 'bad_request',
  },
];

describe('a request that is no request, or too large', () => {
  let world: ApiWorld;
  let api: TestApi;

  beforeAll(async () => {
    world = await startApiWorld();
    api = await startTestApi(world.environment());
  });

  afterAll(async () => {
    await api.close();
    await world.close();
  });

  it.each(rows)('$what is answered $status $code', async ({ bytes, status, code }) => {
    const answer = await sendBytes(api.port, bytes);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.headers.connection).toBe('close');
    expect(json(answer)).toMatchObject({ type: `urn:nest-okta-opa:problem:${code}`, status, code });
    expect(world.opa.asked()).toEqual([]);
  });

  it('is not quoted in the answer', async () => {
    const answer = await get(api.port, '/%zz-needle');
    expect(answer.body).not.toContain('needle');
  });

  it('leaves an API that answers the next request', async () => {
    const answer = await send(api.port, { target: '/sayhello', headers: [bearer(await world.token())] });
    expect(answer.status).toBe(200);
  });

  it('of HTTP/1.0 needs no Host', async () => {
    const [name, value] = bearer(await world.token());
    const answer = await sendBytes(api.port, `GET /sayhello HTTP/1.0\r\n${name}: ${value}\r\n\r\n`);
    expect(answer.status).toBe(200);
  });

  it('is bounded in time by the server that listens', () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout } = httpLimits;
    expect(api.server).toMatchObject({ headersTimeout, requestTimeout, keepAliveTimeout });
  });
});

describe('a request that does not arrive in time', () => {
  it.each([
    ['in the middle of its header', `GET /sayhello HTTP/1.1\r\n${head}Accept: `],
    ['in the middle of its body', `POST /sayhello HTTP/1.1\r\n${head}Content-Length: 10\r\n\r\nab`],
  ])('is answered 408 %s', async (_, bytes) => {
    const limits = { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 10 };
    const server = createHttpServer((request) => request.resume(), { ...httpLimits, ...limits });
    server.on('clientError', answerClientError).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(bytes);
    const answer = await readAnswer(socket);
    expect([answer.status, json(answer).code]).toEqual([408, 'request_timeout']);
  });
});
