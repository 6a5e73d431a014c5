import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { makeKey, mint, tamper } from '../support/tokens.js';
import { basic, post, send, startTestIssuer, tokenFor } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';
import { addApp, person, tokensOf } from './support/people.js';
import { describeOnEveryStore } from './support/stores.js';

describeOnEveryStore('userinfo', ({ newDatabase }) => {
  let issuer: TestIssuer;
  let app: ClientWithSecret;
  let userId: string;
  /** What the issuer's clock is ahead. */
  let ahead = 0;

  beforeAll(async () => {
    const environment = { ISSUER_DATABASE_URL: await newDatabase() };
    issuer = await startTestIssuer(environment, () => Date.now() + ahead);
    userId = (await issuer.registries.users.add(person)).id;
    app = await addApp(issuer);
  });
  afterAll(() => issuer.close());

  const userinfo = (headers: Record<string, string>, request: RequestInit = {}, query = '') =>
    send(`${issuer.origin}/oauth2/default/v1/userinfo${query}`, { ...request, headers });
  const withToken = (token: unknown, request?: RequestInit) =>
    userinfo({ authorization: `Bearer ${String(token)}` }, request);
  const accessToken = async (scope: string) => String((await tokensOf(issuer, app, scope)).access_token);

  function expectInvalidToken({ status, headers, json }: Answer): void {
    expect([status, json.errorCode]).toEqual([401, 'E0000011']);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="issuer", error="invalid_token"');
  }

  it.each<[string, Record<string, unknown>]>([
    ['openid', {}],
    ['openid profile', { name: person.name, preferred_username: person.login }],
    ['openid email', { email: person.email, email_verified: true }],
    [
      'openid profile email read_weather',
      { name: person.name, preferred_username: person.login, email: person.email, email_verified: true },
    ],
  ])('tells who has the scopes %s just that', async (scope, claims) => {
    const token = await accessToken(scope);
    for (const method of ['GET', 'POST']) {
      const { status, headers, json } = await withToken(token, { method });
      expect([status, json]).toEqual([200, { sub: userId, ...claims }]);
      expect(headers.get('cache-control')).toBe('no-cache, no-store');
    }
  });

  it('has the subject of the ID token', async () => {
    const { id_token: idToken, access_token: token } = await tokensOf(issuer, app, 'openid');
    const payload = Buffer.from(String(idToken).split('.')[1] ?? '', 'base64url').toString();
    const { sub } = JSON.parse(payload) as { sub: string };
    expect((await withToken(token)).json.sub).toBe(sub);
  });

  it('leaves out what nobody knows of a person', async () => {
    const bare = { login: 'bare@example.test', password: person.password };
    const { id } = await issuer.registries.users.add(bare);
    const client = await addApp(issuer, { grants: ['password'] });
    const form = { grant_type: 'password', scope: 'openid profile email', password: bare.password };
    const { json } = await post(
      issuer,
      'token',
      { ...form, username: bare.login },
      { headers: basic(client) },
    );
    expect((await withToken(json.access_token)).json).toEqual({ sub: id, preferred_username: bare.login });
  });

  it('asks for a token, without an error, where there is none', async () => {
    for (const headers of [{}, basic(app)]) {
      const answer = await userinfo(headers);
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="issuer"']);
    }
  });

  it.each<[string, () => Promise<string> | string]>([
    ['nonsense', () => 'nonsense'],
    ['no token behind the scheme', () => ''],
    ['a token with another subject under the old signature', async () => tamper(await accessToken('openid'))],
    ['somebody else’s token', () => mint(makeKey('foreign'))],
    ['an ID token', async () => String((await tokensOf(issuer, app, 'openid')).id_token)],
    [
      'a refresh token',
      async () => String((await tokensOf(issuer, app, 'openid offline_access')).refresh_token),
    ],
    ['a revoked token', () => revoked()],
    ['a token of a person who was removed', () => tokenOfLeaver()],
    ['a token of a client that was disabled', () => tokenOfDisabled()],
  ])('refuses %s', async (_, token) => {
    expectInvalidToken(await withToken(await token()));
  });

  async function revoked(): Promise<string> {
    const token = await accessToken('openid');
    expect((await withToken(token)).status).toBe(200);
    await post(issuer, 'revoke', { token }, { headers: basic(app) });
    return token;
  }

  async function tokenOfLeaver(): Promise<string> {
    const leaver = { login: 'leaver@example.test', password: person.password };
    await issuer.registries.users.add(leaver);
    const as = { username: leaver.login, password: leaver.password };
    const { access_token: token } = await tokensOf(issuer, app, 'openid', as);
    expect((await withToken(token)).status).toBe(200);
    await issuer.registries.users.remove(leaver.login);
    return String(token);
  }

  async function tokenOfDisabled(): Promise<string> {
    const client = await addApp(issuer);
    const { access_token: token } = await tokensOf(issuer, client, 'openid');
    expect((await withToken(token)).status).toBe(200);
    await issuer.registries.clients.setEnabled(client.client_id, false);
    return String(token);
  }

  it('refuses a token whose time is over', async () => {
    const token = await accessToken('openid');
    expect((await withToken(token)).status).toBe(200);
    ahead += 3_600_000;
    expectInvalidToken(await withToken(token));
  });

  it('refuses a token of another authorization server', async () => {
    const token = await accessToken('openid');
    const there = await send(`${issuer.origin}/oauth2/v1/userinfo`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expectInvalidToken(there);
  });

  it('needs the scope openid, which no program’s own token has: 403', async () => {
    const program = await issuer.registries.clients.add({ name: 'program', scopes: ['read_weather'] });
    for (const token of [
      await accessToken('read_weather'),
      await tokenFor(issuer, program, 'read_weather'),
    ]) {
      const { status, headers, json } = await withToken(token);
      expect([status, json.errorCode]).toEqual([403, 'E0000006']);
      expect(headers.get('www-authenticate')).toBe(
        'Bearer realm="issuer", error="insufficient_scope", scope="openid"',
      );
    }
  });

  it('takes a token from one place only: 400 invalid_request', async () => {
    const token = await accessToken('openid');
    for (const answer of [
      await userinfo({ authorization: `Bearer ${token}, Bearer ${token}` }),
      await userinfo({ authorization: `Bearer ${token}` }, {}, `?access_token=${token}`),
      await userinfo({}, {}, `?access_token=${token}`),
    ]) {
      expect(answer.status).toBe(400);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="issuer", error="invalid_request"');
    }
  });
});
