import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpoints } from '../../src/issuer/endpoints.js';
import { readAnswer, sendBytes } from '../support/api-client.js';
import type { Answer as RawAnswer } from '../support/api-client.js';
import { addClient, preparedDatabase } from './support/clients.js';
import type { AddedClient } from './support/clients.js';
import { basic, startTestIssuer, tokenFor } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';
import { withStore } from './support/servers.js';
import { describeOnEveryStore } from './support/stores.js';

const typed = (type: string): string => `Content-Type: ${type}\r\n`;
const form = typed('application/x-www-form-urlencoded');
const long = (length: number): string => 'x'.repeat(length);
const posts = Object.values(endpoints).filter(({ method }) => method.includes('POST'));
/** Those that programs call with client authentication. */
const clientEndpoints = [endpoints.token, endpoints.introspect, endpoints.revoke];
const methods = ['GET', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'QUERY'];

interface BadBody {
  readonly what: string;
  /** Bytes, one a character. */
  readonly body: string;
  readonly query?: string;
  /** Those of a form where absent. */
  readonly headers?: string;
}

/** What every client endpoint takes, as parameters that it has no use for are passed over (RFC 6749 section 3.2). */
const good = 'grant_type=client_credentials&scope=read_sayhello&token=x';

/** Each would be a good request but for the one thing. */
const malformed: readonly BadBody[] = [
  {
    what: 'a JSON body',
    body: '{"grant_type":"client_credentials","token":"x"}',
    headers: typed('application/json'),
  },
  {
    what: 'a multipart body',
    body: '--a\r\nContent-Disposition: form-data; name="token"\r\n\r\nx\r\n--a--\r\n',
    headers: typed('multipart/form-data; boundary=a'),
  },
  { what: 'a body without a type', body: good, headers: '' },
  { what: 'a type that is none', body: good, headers: typed(';;;=') },
  {
    what: 'a type with a form in it',
    body: good,
    headers: typed('text/plain; x=application/x-www-form-urlencoded'),
  },
  {
    what: 'a parameter twice in the body',
    body: `${good}&${good}`,
  },
  {
    what: 'a parameter in body and query',
    body: good,
    query: `?${good}`,
  },
  { what: 'bytes that are no UTF-8', body: `${good}&state=\xff\xfe` },
  { what: 'an overlong spelling of a slash', body: `${good}&state=%c0%af` },
  { what: 'escaped bytes that are no UTF-8', body: `${good}&state=%ff` },
  { what: 'half a surrogate pair', body: `${good}&state=%ed%a0%80` },
  { what: 'an escape that is none', body: `${good}&state=%zz` },
  { what: 'NUL', body: `${good}&state=\0` },
  { what: 'an escaped NUL', body: `${good}&state=%00` },
  { what: 'NUL in a name', body: `${good}&a%00b=c` },
  { what: 'NUL in the query', body: good, query: '?state=%00' },
  {
    what: 'a thousand parameters',
    body: `${good}&${Array.from({ length: 1000 }, (_, index) => `p${index}=`).join('&')}`,
  },
  {
    what: 'a compressed body',
    body: '\x1f\x8b\x08\0\0\0\0\0\0\x03',
    headers: `${form}Content-Encoding: gzip\r\n`,
  },
  { what: 'a body of 70 KB', body: `${good}&state=${long(70_000)}` },
];

const lacking: readonly BadBody[] = [
  { what: 'nothing', body: '' },
  { what: 'ampersands', body: '&'.repeat(1000) },
  { what: 'a parameter that is named like every object’s', body: '__proto__[grant_type]=x&__proto__=x' },
];

/** Okta's form, or OAuth's, whichever it is, whole. */
function expectRefusal(answer: RawAnswer): void {
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect(answer.headers['content-type']).toContain('application/json');
  const body = JSON.parse(answer.body) as Record<string, unknown>;
  const names = Object.keys(body).toSorted();
  expect(['error,error_description', 'errorCauses,errorCode,errorId,errorLink,errorSummary']).toContain(
    names.join(','),
  );
}

describeOnEveryStore('bad input', (store) => {
  let issuer: TestIssuer;
  let client: AddedClient;
  let database: { readonly url: string; readonly remove: () => void };

  beforeAll(async () => {
    database = await preparedDatabase(store, async (opened) => {
      client = await addClient(opened);
    });
    issuer = await startTestIssuer({ ISSUER_DATABASE_URL: database.url });
  });
  afterAll(async () => {
    await issuer.close();
    database.remove();
  });

  const head = (method: string, target: string): string =>
    `${method} ${target} HTTP/1.1\r\nHost: issuer.test\r\nAuthorization: ${basic(client).authorization}\r\n`;
  const close = 'Connection: close\r\n';
  const postBody = ({ body, query = '', headers = form }: BadBody, path: string) =>
    sendBytes(
      issuer.port,
      `${head('POST', `/oauth2/default/${path}${query}`)}${close}${headers}Content-Length: ${body.length}\r\n\r\n${body}`,
    );

  describe.each(posts)('at $path', ({ path, method: methodsThere }) => {
    it.each(malformed)('$what is refused', async (row) => {
      expectRefusal(await postBody(row, path));
    });

    it.each(methods.filter((method) => !methodsThere.includes(method)))(
      'the method %s is refused with the one to use',
      async (method) => {
        const answer = await sendBytes(
          issuer.port,
          `${head(method, `/oauth2/default/${path}`)}${close}${form}Content-Length: 7\r\n\r\ntoken=x`,
        );
        expectRefusal(answer);
        expect([answer.status, answer.headers.allow]).toEqual([405, methodsThere]);
      },
    );

    it('10 MB in chunks are refused long before their end', async () => {
      const sending = request({
        port: issuer.port,
        method: 'POST',
        path: `/oauth2/default/${path}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      // The server goes away while this side still writes.
      sending.on('error', () => undefined);
      const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
      for (let chunk = 0; chunk < 160; chunk++) sending.write(long(64 * 1024));
      const [response] = await answered;
      expect([response.statusCode, response.headers.connection]).toEqual([413, 'close']);
      expect(JSON.parse(await text(response))).toMatchObject({ errorCode: 'E0000003' });
      sending.destroy();
    });

    it('a connection is good for the next request after a refusal', async () => {
      const bad = `${head('POST', `/oauth2/default/${path}`)}${form}Content-Length: 9\r\n\r\ntoken=%zz`;
      const good = `${head('GET', '/oauth2/default/v1/keys')}${close}\r\n`;
      const { body } = await sendBytes(issuer.port, bad + good);
      expect(body).toMatch(/"error(Code)?":.*HTTP\/1\.1 200 OK.*"keys":\[/s);
    });
  });

  describe.each(clientEndpoints)('at $path', ({ path }) => {
    it('a good request passes', async () => {
      expect((await postBody({ what: 'nothing bad', body: good }, path)).status).toBe(200);
    });

    it.each(lacking)('$what is refused', async (row) => {
      expectRefusal(await postBody(row, path));
    });

    it('the method HEAD is refused without a body', async () => {
      const answer = await sendBytes(issuer.port, `${head('HEAD', `/oauth2/default/${path}`)}${close}\r\n`);
      expect([answer.status, answer.body]).toEqual([405, '']);
    });
  });

  it.each([
    ['a server id with NUL', '/oauth2/%00/v1/token'],
    ['a server id that is no UTF-8', '/oauth2/%ff/v1/token'],
    ['a server id of 10 KB', `/oauth2/${long(10_000)}/v1/token`],
    ['a server id that every object has', '/oauth2/__proto__/v1/token'],
    ['an escape that is none', '/oauth2/%zz/v1/token'],
    ['dot segments', '/oauth2/default/../default/v1/token'],
    ['a slash at the end', '/oauth2/default/v1/token/'],
    ['two slashes', '//oauth2/default/v1/token'],
  ])('%s in the path is refused', async (_, target) => {
    expectRefusal(
      await sendBytes(issuer.port, `${head('POST', target)}${close}${form}Content-Length: 0\r\n\r\n`),
    );
  });

  it.each<[string, string, number]>([
    ['bytes that are no HTTP', 'hello\r\n\r\n', 400],
    ['no Host', 'POST /oauth2/default/v1/token HTTP/1.1\r\nContent-Length: 0\r\n\r\n', 400],
    [
      'a length beside chunks',
      'POST /oauth2/default/v1/token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'chunks without a size',
      `POST /oauth2/default/v1/token HTTP/1.1\r\nHost: a\r\n${form}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      400,
    ],
    [
      'an expectation',
      'POST /oauth2/default/v1/token HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\nContent-Length: 0\r\n\r\n',
      417,
    ],
    [
      'a header of 17 KB',
      `POST /oauth2/default/v1/token HTTP/1.1\r\nHost: a\r\nAuthorization: Basic ${long(17_000)}\r\n\r\n`,
      431,
    ],
  ])('%s is answered in Okta’s form', async (_, bytes, status) => {
    const answer = await sendBytes(issuer.port, bytes);
    expectRefusal(answer);
    expect(answer.status).toBe(status);
  });

  it('chunks without an end are given up', async () => {
    const { requestTimeout, headersTimeout } = issuer.server;
    expect([requestTimeout, headersTimeout]).toEqual([30_000, 15_000]);
    // Node takes the longer of the two for the whole request.
    Object.assign(issuer.server, { requestTimeout: 100, headersTimeout: 100 });
    try {
      const socket = connect({ port: issuer.port, host: '127.0.0.1' });
      socket.write(
        `${head('POST', '/oauth2/default/v1/token')}${form}Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n`,
      );
      const answer = await readAnswer(socket);
      expectRefusal(answer);
      expect(answer.status).toBe(408);
    } finally {
      Object.assign(issuer.server, { requestTimeout, headersTimeout });
    }
  });

  it('left an issuer that works, nothing that failed, and in the database what the good requests made', async () => {
    expect(await tokenFor(issuer, client, 'read_sayhello')).toMatch(/^eyJ/);
    const levels = issuer.log.map((line) => (JSON.parse(line) as { level: number }).level);
    expect(levels).toContain(30);
    expect(levels.filter((level) => level >= 50)).toEqual([]);
    await issuer.close();
    await withStore(database.url, async ({ db }) => {
      const count = async (table: 'access_tokens' | 'used_assertions' | 'clients') =>
        (await db.selectFrom(table).selectAll().execute()).length;
      expect([await count('access_tokens'), await count('used_assertions'), await count('clients')]).toEqual([
        2, 0, 1,
      ]);
    });
  });
});
