import { beforeEach, describe, expect, it } from 'vitest';
import { sendJson } from '../support/misbehaving-server.js';
import { manualTiming } from './support/manual-timing.js';
import type { ManualTiming } from './support/manual-timing.js';
import { rejection, sourceAt, startTokenServer } from './support/token-server.js';
import type { Members, TokenServer } from './support/token-server.js';

const hour = 3_600_000;
/** Whole seconds, as claims have them. */
const start = Date.UTC(2026, 5, 1);

function idToken(claims: Members): string {
  const part = (value: Members): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;
}

describe('the answer of a token endpoint', () => {
  let server: TokenServer;
  let timing: ManualTiming;

  beforeEach(async () => {
    server = await startTokenServer();
    timing = manualTiming(0, start);
  });

  it.each(['Bearer', 'bearer', 'BEARER'])('may say %s', async (type) => {
    server.answersWith({ token_type: type });
    expect(await sourceAt(server, timing).token()).toBe('token-1');
  });

  it.each<{ note: string; changes: Members; says: string }>([
    { note: 'a DPoP token', changes: { token_type: 'DPoP' }, says: 'token_type is not Bearer' },
    { note: 'no token_type', changes: { token_type: undefined }, says: 'token_type is not Bearer' },
    { note: 'several', changes: { token_type: ['Bearer'] }, says: 'token_type is not Bearer' },
    {
      note: 'no token',
      changes: { access_token: undefined },
      says: 'there is no access_token in the answer',
    },
    { note: 'an empty one', changes: { access_token: '' }, says: 'there is no access_token in the answer' },
    { note: 'a number', changes: { access_token: 7 }, says: 'there is no access_token in the answer' },
    {
      note: 'two headers',
      changes: { access_token: 'a\r\nx: y' },
      says: 'there is no access_token in the answer',
    },
    { note: 'white space', changes: { access_token: 'a b' }, says: 'there is no access_token in the answer' },
    { note: 'an odd refresh_token', changes: { refresh_token: {} }, says: 'refresh_token is no token' },
    { note: 'a life of 0', changes: { expires_in: 0 }, says: 'expires_in is no number above 0' },
    { note: 'a life below 0', changes: { expires_in: -1 }, says: 'expires_in is no number above 0' },
    { note: 'a life as a text', changes: { expires_in: '3600' }, says: 'expires_in is no number above 0' },
    { note: 'no life', changes: { expires_in: null }, says: 'expires_in is no number above 0' },
  ])('is refused with $note: $says', async ({ changes, says }) => {
    server.answersWith(changes);
    const error = await rejection(sourceAt(server, timing).token());
    expect(error).toMatchObject({ code: 'bad_response', message: `no token: ${says}` });
    expect(server.requests).toHaveLength(1);
  });

  it.each(['html', 'broken JSON', 'huge body', 'gzip bomb', 'redirect'] as const)(
    'is refused as "%s", and nothing else is asked',
    async (how) => {
      await server.misbehave(how);
      const error = await rejection(sourceAt(server, timing).token());
      expect(error).toMatchObject({ code: 'bad_response' });
      expect([server.requests.length, timing.waits]).toEqual([1, []]);
    },
  );

  it.each(['[]', 'null', '"token"', '7', ''])('is refused as the JSON %s', async (text) => {
    await server.misbehave((response) => response.end(text));
    const error = await rejection(sourceAt(server, timing).token());
    expect(error).toMatchObject({ code: 'bad_response', message: 'no token: the answer is no JSON object' });
  });

  it('may have 64 KiB, and not one byte more', async () => {
    const answer = { token_type: 'Bearer', access_token: '' };
    const room = 64 * 1024 - JSON.stringify(answer).length;
    let length = room;
    await server.misbehave((response) => {
      sendJson(response, 200, { ...answer, access_token: 'x'.repeat(length) });
    });
    const source = sourceAt(server, timing);
    expect(await source.token()).toHaveLength(room);
    length++;
    expect(await rejection(source.token())).toMatchObject({ code: 'bad_response' });
  });

  it.each([
    { status: 400, error: 'invalid_request', code: 'invalid_request' },
    { status: 401, error: 'invalid_client', code: 'invalid_client' },
    { status: 400, error: 'invalid_grant', code: 'invalid_grant' },
    { status: 403, error: 'unauthorized_client', code: 'unauthorized_client' },
    { status: 400, error: 'unsupported_grant_type', code: 'unsupported_grant_type' },
    { status: 400, error: 'invalid_scope', code: 'invalid_scope' },
    { status: 403, error: 'access_denied', code: 'refused' },
    { status: 400, error: 'unavailable', code: 'refused' },
    { status: 404, error: undefined, code: 'bad_response' },
    { status: 401, error: { text: 'invalid_client' }, code: 'bad_response' },
    { status: 204, error: undefined, code: 'bad_response' },
    { status: 201, error: undefined, code: 'bad_response' },
  ])('of $status and $error means $code, and is asked for once', async ({ status, error, code }) => {
    await server.misbehave((response) => {
      sendJson(response, status, { error, error_description: 'the-client-secret is wrong' });
    });
    const thrown = await rejection(sourceAt(server, timing).token());
    expect(thrown).toMatchObject({ code, message: expect.not.stringContaining('secret') as unknown });
    expect([server.requests.length, timing.waits]).toEqual([1, []]);
  });

  it.each([
    { note: 'its exp', exp: start + hour, expires_in: undefined, usable: hour - 30_000 },
    { note: 'its exp, the earlier one', exp: start + hour, expires_in: 7200, usable: hour - 30_000 },
    { note: 'expires_in, the earlier one', exp: start + 2 * hour, expires_in: 3600, usable: hour - 30_000 },
    {
      note: 'its exp and iat, where the clock of the server is ahead',
      exp: start + 1.5 * hour,
      iat: start + 0.5 * hour,
      expires_in: 86_400,
      usable: hour - 30_000,
    },
  ])('with an ID token is kept by $note', async ({ exp, iat, expires_in, usable }) => {
    const token = idToken({ exp: exp / 1000, ...(iat === undefined ? {} : { iat: iat / 1000 }) });
    server.answersWith({ id_token: token, expires_in });
    const events: unknown[] = [];
    const onRefresh = (event: unknown): number => events.push(event);
    expect(await sourceAt(server, timing, { token: 'id_token', onRefresh }).token()).toBe(token);
    expect(events).toEqual([{ ok: true, usableUntil: start + usable }]);
  });

  it.each([
    { note: 'none', id_token: undefined, says: 'there is no id_token in the answer' },
    { note: 'one without exp', id_token: idToken({}), says: 'the ID token has no exp' },
    { note: 'one whose exp is a text', id_token: idToken({ exp: '9' }), says: 'the ID token has no exp' },
    { note: 'one that is no JWT', id_token: 'opaque', says: 'the ID token has no exp' },
    {
      note: 'an expired one',
      id_token: idToken({ exp: start / 1000 }),
      says: 'the token has expired already',
    },
  ])('where an ID token is wanted is refused with $note', async ({ id_token, says }) => {
    server.answersWith({ id_token });
    const error = await rejection(sourceAt(server, timing, { token: 'id_token' }).token());
    expect(error).toMatchObject({ code: 'bad_response', message: `no token: ${says}` });
  });

  it.each([
    { token: 'access_token', life: { expires_in: 6 } },
    { token: 'id_token', life: { id_token: idToken({ exp: start / 1000 + 6 }) } },
  ])('is refused when its $token ended on the way', async ({ token, life }) => {
    server.answersWith(life);
    const release = server.hold();
    const waiting = rejection(sourceAt(server, timing, { token }).token());
    await server.received(1);
    timing.advance(6000);
    release();
    const message = 'no token: the token has expired already';
    expect(await waiting).toMatchObject({ code: 'bad_response', message });
  });

  it('with an access token is kept by expires_in only: what is in the token is for others', async () => {
    const token = idToken({ exp: start / 1000 });
    server.answersWith({ access_token: token });
    expect(await sourceAt(server, timing).token()).toBe(token);
  });
});
