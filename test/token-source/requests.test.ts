import { beforeEach, describe, expect, it } from 'vitest';
import { sendJson } from '../support/misbehaving-server.js';
import { manualTiming } from './support/manual-timing.js';
import type { ManualTiming } from './support/manual-timing.js';
import { rejection, sourceAt, startTokenServer } from './support/token-server.js';
import type { TokenServer } from './support/token-server.js';

const hour = 3_600_000;
const password = { username: 'roach@example.test', password: 'p&ss=word+%' };

describe('a token request', () => {
  let server: TokenServer;
  let timing: ManualTiming;

  beforeEach(async () => {
    server = await startTokenServer();
    timing = manualTiming();
  });

  it.each([
    { note: 'plain ones', clientId: '0oaJob', clientSecret: 'abc-_1', sent: '0oaJob:abc-_1' },
    { note: 'a colon in the id', clientId: 'a:b', clientSecret: 'c:d', sent: 'a%3Ab:c%3Ad' },
    { note: 'spaces and signs', clientId: 'a b', clientSecret: '+%&=/~', sent: 'a+b:%2B%25%26%3D%2F%7E' },
    { note: 'other alphabets', clientId: 'ü', clientSecret: '鍵', sent: '%C3%BC:%E9%8D%B5' },
  ])('has the credentials form-encoded, then in Base64: $note', async ({ clientId, clientSecret, sent }) => {
    await sourceAt(server, timing, { clientId, clientSecret }).token();
    const authorization = `Basic ${Buffer.from(sent).toString('base64')}`;
    expect(server.requests).toMatchObject([{ method: 'POST', url: '/token', headers: { authorization } }]);
    expect(server.forms()).toEqual([{ grant_type: 'client_credentials' }]);
  });

  it('has them in the form and nowhere else, if that is the option', async () => {
    await sourceAt(server, timing, { clientAuthentication: 'client_secret_post' }).token();
    const client = { client_id: 'job', client_secret: 'the-client-secret' };
    expect(server.forms()).toEqual([{ grant_type: 'client_credentials', ...client }]);
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    { grant: 'client_credentials', sent: { grant_type: 'client_credentials', audience: 'api://x' } },
    { grant: password, sent: { grant_type: 'password', ...password, audience: 'api://x' } },
    { grant: { refreshToken: 'r&1' }, sent: { grant_type: 'refresh_token', refresh_token: 'r&1' } },
  ])('says $sent.grant_type, scope, and the audience of a sign-in', async ({ grant, sent }) => {
    await sourceAt(server, timing, { grant, scope: 'openid a', audience: 'api://x' }).token();
    expect(server.forms()).toEqual([{ ...sent, scope: 'openid a' }]);
  });

  it('has the refresh token that came last, and the scopes of the sign-in', async () => {
    const source = sourceAt(server, timing, { grant: password, scope: 'offline_access' });
    for (const refresh_token of ['r-1', undefined, 'r-2', undefined]) {
      server.answersWith({ refresh_token });
      await source.token();
      timing.advance(hour);
    }
    const first = { grant_type: 'password', ...password, scope: 'offline_access' };
    const next = (refresh_token: string) => ({ grant_type: 'refresh_token', refresh_token });
    expect(server.forms()).toEqual([first, next('r-1'), next('r-1'), next('r-2')]);
  });

  it('of a program has no refresh token, though the server gives one', async () => {
    const source = sourceAt(server, timing);
    server.answersWith({ refresh_token: 'r-1' });
    await source.token();
    timing.advance(hour);
    await source.token();
    expect(server.forms()).toEqual(Array(2).fill({ grant_type: 'client_credentials' }));
  });

  it.each([
    { error: 'invalid_grant', falls: true },
    { error: 'unsupported_grant_type', falls: true },
    { error: 'invalid_client', falls: false },
    { error: 'invalid_request', falls: false },
  ])('after a refresh refused as $error has the password again: $falls', async ({ error, falls }) => {
    const source = sourceAt(server, timing, { grant: password });
    server.answersWith({ refresh_token: 'r-1' });
    await source.token();
    timing.advance(hour);
    await server.misbehave((response, answerWell) => {
      if (server.forms().at(-1)?.grant_type === 'password') answerWell();
      else sendJson(response, 400, { error });
    });
    const outcome = await source.token().catch((thrown: unknown) => thrown);
    expect(outcome).toEqual(falls ? 'token-2' : expect.objectContaining({ code: error }));
    const sent = server.forms().map(({ grant_type }) => grant_type);
    expect(sent).toEqual(['password', 'refresh_token', ...(falls ? ['password'] : [])]);
    expect(timing.waits).toEqual([]);
  });

  it('has the refresh token still after the server was unavailable', async () => {
    const source = sourceAt(server, timing, { grant: password, retries: 0 });
    server.answersWith({ refresh_token: 'r-1' });
    await source.token();
    timing.advance(hour);
    await server.misbehave('status 500');
    await rejection(source.token());
    await server.misbehave('well');
    await source.token();
    const sent = server.forms().map(({ grant_type }) => grant_type);
    expect(sent).toEqual(['password', 'refresh_token', 'refresh_token']);
  });

  it('has the old refresh token never again once a new one came, whatever came with it', async () => {
    const told: string[] = [];
    const onRefreshToken = (token: string): number => told.push(token);
    const source = sourceAt(server, timing, {
      grant: { refreshToken: 'r-0', onRefreshToken },
      token: 'id_token',
    });
    server.answersWith({ refresh_token: 'r-1' });
    await rejection(source.token());
    await rejection(source.token());
    expect(server.forms().map(({ refresh_token }) => refresh_token)).toEqual(['r-0', 'r-1']);
    expect(told).toEqual(['r-1']);
  });

  it('has the password once when the answer to it is bad, whatever refresh token is in that', async () => {
    const source = sourceAt(server, timing, { grant: password, token: 'id_token' });
    server.answersWith({ refresh_token: 'r-1' });
    await server.misbehave((response, answerWell) => {
      if (server.requests.length < 5) answerWell();
      else response.writeHead(500).end();
    });
    expect(await rejection(source.token())).toMatchObject({ code: 'bad_response' });
    expect(server.forms().map(({ grant_type }) => grant_type)).toEqual(['password']);
  });

  it('has a new refresh token that its owner knew before the token was handed out', async () => {
    const order: string[] = [];
    const grant = { refreshToken: 'r-0', onRefreshToken: (token: string): number => order.push(token) };
    const source = sourceAt(server, timing, { grant });
    server.answersWith({ refresh_token: 'r-1' });
    order.push(await source.token());
    expect(order).toEqual(['r-1', 'token-1']);
  });

  it.each([
    { note: 'throws', keep: () => Error.prototype.valueOf.call(undefined) },
    { note: 'rejects', keep: () => Promise.reject(new Error('disk full')) },
  ])('succeeds though onRefreshToken $note, and onRefresh is told', async ({ keep }) => {
    const events: unknown[] = [];
    const onRefresh = (event: unknown): number => events.push(event);
    const grant = { refreshToken: 'r-0', onRefreshToken: keep };
    const source = sourceAt(server, timing, { grant, onRefresh });
    server.answersWith({ refresh_token: 'r-1' });
    expect(await source.token()).toBe('token-1');
    const failure = { ok: false, error: expect.objectContaining({ code: 'not_kept' }) as unknown };
    expect(events).toEqual(expect.arrayContaining([failure]));
  });

  it('loses no refresh token to close(): who keeps them is told of the one that is on its way', async () => {
    const told: string[] = [];
    const grant = { refreshToken: 'r-0', onRefreshToken: (token: string): number => told.push(token) };
    const source = sourceAt(server, timing, { grant });
    server.answersWith({ refresh_token: 'r-1' });
    const release = server.hold();
    const waiting = rejection(source.token());
    await server.received(1);
    const closing = source.close();
    expect([await waiting, told]).toEqual([expect.objectContaining({ code: 'closed' }), []]);
    release();
    await closing;
    expect(told).toEqual(['r-1']);
  });

  it('is retried no more after close(), though its answer was waited for', async () => {
    const grant = { refreshToken: 'r-0', onRefreshToken: () => undefined };
    const source = sourceAt(server, timing, { grant });
    await server.misbehave('status 500');
    const release = server.hold();
    const waiting = rejection(source.token());
    await server.received(1);
    const closing = source.close();
    release();
    await closing;
    expect([await waiting, server.requests.length]).toEqual([expect.objectContaining({ code: 'closed' }), 1]);
  });

  it('has a refresh token that is kept when close() is over, however long keeping takes', async () => {
    const kept = Promise.withResolvers<undefined>();
    const grant = { refreshToken: 'r-0', onRefreshToken: () => kept.promise };
    const source = sourceAt(server, timing, { grant });
    server.answersWith({ refresh_token: 'r-1' });
    await source.token();
    const order: string[] = [];
    void kept.promise.then(() => order.push('kept'));
    const closing = source.close().then(() => order.push('closed'));
    await expect.poll(() => server.openSockets).toBe(0);
    await new Promise(setImmediate);
    kept.resolve(undefined);
    await closing;
    expect(order).toEqual(['kept', 'closed']);
  });

  it.each([
    () => {
      throw new Error('a logger that fails');
    },
    () => Promise.reject(new Error('a logger that fails later')),
  ])('succeeds though onRefresh fails', async (onRefresh) => {
    expect(await sourceAt(server, timing, { onRefresh }).token()).toBe('token-1');
  });
});
