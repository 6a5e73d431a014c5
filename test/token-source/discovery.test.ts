import type { ServerResponse } from 'node:http';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { sendJson, startMisbehavingServer } from '../support/misbehaving-server.js';
import type { MisbehavingServer } from '../support/misbehaving-server.js';
import { manualTiming } from './support/manual-timing.js';
import type { ManualTiming } from './support/manual-timing.js';
import { rejection, sourceAt } from './support/token-server.js';

const oauth = '/as/.well-known/oauth-authorization-server';
const openid = '/as/.well-known/openid-configuration';
const token = { token_type: 'Bearer', access_token: 'token', expires_in: 3600 };

describe('the discovery of a token endpoint', () => {
  let server: MisbehavingServer;
  let timing: ManualTiming;
  /** What each path answers; all others are not found. */
  let answers: Record<string, (response: ServerResponse) => void>;

  const json =
    (value: unknown, status = 200) =>
    (response: ServerResponse): void => {
      sendJson(response, status, value);
    };
  const metadata = (changes: object = {}) =>
    json({ issuer: `${server.origin}/as`, token_endpoint: `${server.origin}/token`, ...changes });

  beforeEach(async () => {
    timing = manualTiming();
    server = await startMisbehavingServer(({ url }, response) => {
      (answers[url] ?? json({}, 404))(response);
    });
    onTestFinished(() => server.close());
    answers = { '/token': json(token) };
  });

  const sourceOf = (issuer = `${server.origin}/as`) =>
    sourceAt(server, timing, { tokenEndpoint: undefined, issuer });
  const asked = () => server.requests.map(({ method, url }) => `${method} ${url}`);

  it.each([
    { note: 'OAuth metadata', path: oauth, requests: [`GET ${oauth}`] },
    {
      note: 'OpenID metadata where there is no other',
      path: openid,
      requests: [`GET ${oauth}`, `GET ${openid}`],
    },
  ])('reads $note, once', async ({ path, requests }) => {
    answers[path] = metadata();
    const source = sourceOf();
    expect(await source.token()).toBe('token');
    timing.advance(3_600_000);
    await source.token();
    expect(asked()).toEqual([...requests, 'POST /token', 'POST /token']);
  });

  it('takes an issuer that ends with a slash by its own name', async () => {
    answers[oauth] = metadata({ issuer: `${server.origin}/as/` });
    expect(await sourceOf(`${server.origin}/as/`).token()).toBe('token');
  });

  it.each([
    { note: 'of another issuer', changes: { issuer: 'https://other.test' }, says: 'that of another issuer' },
    { note: 'of nobody', changes: { issuer: undefined }, says: 'that of another issuer' },
    { note: 'without endpoint', changes: { token_endpoint: undefined }, says: 'no token_endpoint' },
    {
      note: 'with an http one',
      changes: { token_endpoint: 'http://other.test/t' },
      says: 'no token_endpoint',
    },
    { note: 'with a file', changes: { token_endpoint: 'file:///t' }, says: 'no token_endpoint' },
  ])('refuses metadata $note', async ({ changes, says }) => {
    answers[oauth] = metadata(changes);
    const error = await rejection(sourceOf().token());
    expect(error).toMatchObject({ code: 'bad_response', message: expect.stringContaining(says) as unknown });
    expect(asked()).toEqual([`GET ${oauth}`]);
  });

  it.each(['html', 'broken JSON', 'huge body', 'gzip bomb', 'redirect'] as const)(
    'refuses metadata that is "%s"',
    async (how) => {
      await server.misbehave(how);
      expect(await rejection(sourceOf().token())).toMatchObject({ code: 'bad_response' });
      expect(asked()).toEqual([`GET ${oauth}`]);
    },
  );

  it('says so when the issuer has no metadata', async () => {
    const error = await rejection(sourceOf().token());
    const message = 'no token: the issuer has no metadata: it answered 404';
    expect(error).toMatchObject({ code: 'bad_response', message });
  });

  it('is retried like the rest, and never sends credentials', async () => {
    answers[oauth] = metadata();
    await server.misbehave((response, answerWell) => {
      if (server.requests.length > 2) answerWell();
      else response.writeHead(503).end();
    });
    expect(await sourceOf().token()).toBe('token');
    expect(asked()).toEqual([...Array<string>(3).fill(`GET ${oauth}`), 'POST /token']);
    expect(server.requests.slice(0, 3).map(({ headers }) => headers.authorization)).toEqual(
      Array(3).fill(undefined),
    );
  });

  it('is made again after it failed', async () => {
    const source = sourceOf();
    await rejection(source.token());
    answers[openid] = metadata();
    expect(await source.token()).toBe('token');
  });
});
