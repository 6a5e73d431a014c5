import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { send, startTestIssuer, tokenFor } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';
import { describeOnEveryStore } from './support/stores.js';

describeOnEveryStore("the older services' calls", ({ newDatabase }) => {
  let issuer: TestIssuer;
  let client: ClientWithSecret;
  let admin: ClientWithSecret;

  beforeAll(async () => {
    issuer = await startTestIssuer({ ISSUER_COMPAT: 'on', ISSUER_DATABASE_URL: await newDatabase() });
    client = await issuer.registry.add({ name: 'old', scopes: ['read'] });
    admin = await issuer.registry.add({ name: 'admin', scopes: ['okta.clients.manage'] });
    await issuer.registries.servers.add({ id: 'closed', audience: 'api://closed' });
  });
  afterAll(() => issuer.close());

  const call = (
    method: string,
    path: string,
    form: Record<string, string> = {},
    bearer?: string,
  ): Promise<Answer> =>
    send(`${issuer.origin}${path}`, {
      method,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body: new URLSearchParams(form).toString(),
    });
  const credentialsOf = ({
    client_id,
    client_secret,
  }: Pick<ClientWithSecret, 'client_id' | 'client_secret'>) => ({
    client_id,
    client_secret,
  });
  const dealt = (form: Record<string, string> = {}) =>
    call('POST', '/oauth/token', {
      ...credentialsOf(client),
      grant_type: 'client_credentials',
      audience: 'api://default',
      ...form,
    });

  it('deal a token for an audience, signed with RS512, for a day', async () => {
    const { status, json } = await dealt();
    expect([status, Object.keys(json)]).toEqual([200, ['access_token']]);
    const keys = await send(`${issuer.origin}/oauth2/default/v1/keys`);
    const keySet = createLocalJWKSet(keys.json as unknown as JSONWebKeySet);
    const token = String(json.access_token);
    const { payload } = await jwtVerify(token, keySet, { algorithms: ['RS512'], audience: 'api://default' });
    expect(decodeProtectedHeader(token).alg).toBe('RS512');
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(86_400);
    expect(payload.iss).toBe('http://127.0.0.1:8087/oauth2/default');
  });

  it.each([
    ['another grant_type', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no grant_type', { grant_type: '' }, 400, 'invalid_request'],
    ['a bad secret', { client_secret: 'wrong' }, 401, 'invalid_client'],
    ['no audience', { audience: '' }, 400, 'invalid_request'],
    ['an audience that nobody has', { audience: 'api://nobody' }, 400, 'access_denied'],
    ['an audience that is closed to the client', { audience: 'api://closed' }, 400, 'access_denied'],
  ])('deal none for %s', async (_, form, status, error) => {
    const answer = await dealt(form);
    expect([answer.status, answer.json.error]).toEqual([status, error]);
  });

  it('give, verify and end a token', async () => {
    const given = await call('POST', '/auth', credentialsOf(client));
    expect(given.json).toMatchObject({ isAdmin: false });
    const token = String(given.json.token);
    const verified = await call('POST', '/verify', {}, token);
    expect(verified.json).toMatchObject({ cid: client.client_id, exp: given.json.expires });
    expect((await call('POST', '/logout', { token })).json).toEqual({ success: true });
    expect((await call('POST', '/verify', {}, token)).json).toEqual({ success: false });
    expect((await call('POST', '/logout', { token: 'nonsense' })).json).toEqual({ success: false });
    expect((await call('POST', '/auth', { ...credentialsOf(client), client_secret: 'x' })).status).toBe(401);
  });

  it('make and delete clients for admins only', async () => {
    const added = { client_id: 'old-service', client_secret: 'a secret of the older service' };
    const token = await tokenFor(issuer, client, 'read');
    expect((await call('POST', '/client', added, token)).status).toBe(403);
    expect((await call('POST', '/client', added)).status).toBe(401);
    const auth = await call('POST', '/auth', credentialsOf(admin));
    expect(auth.json.isAdmin).toBe(true);
    const adminToken = String(auth.json.token);
    expect((await call('POST', '/client', added, adminToken)).json).toEqual({ success: true });
    expect((await call('POST', '/client', added, adminToken)).status).toBe(409);
    expect((await call('POST', '/auth', added)).json).toMatchObject({ isAdmin: false });
    expect((await call('DELETE', '/client', { client_id: added.client_id }, adminToken)).status).toBe(200);
    expect((await call('POST', '/auth', added)).status).toBe(401);
    expect((await call('DELETE', '/client', { client_id: added.client_id }, adminToken)).status).toBe(404);
  });

  it.each([
    [{ client_id: 'a b', client_secret: 'long enough for this' }],
    [{ client_id: 'short', client_secret: 'short' }],
    [{ client_id: 'x', client_secret: 'long enough for this', is_admin: 'perhaps' }],
    [{ client_secret: 'long enough for this' }],
  ])('refuse the client %j', async (form) => {
    const adminToken = await tokenFor(issuer, admin, 'okta.clients.manage');
    const before = (await issuer.registry.list()).length;
    expect((await call('POST', '/client', form as Record<string, string>, adminToken)).status).toBe(400);
    expect(await issuer.registry.list()).toHaveLength(before);
  });
});

describe('without ISSUER_COMPAT', () => {
  it('none of these calls exists', async () => {
    const issuer = await startTestIssuer();
    onTestFinished(() => issuer.close());
    for (const path of ['/oauth/token', '/client', '/auth', '/verify', '/logout'])
      expect((await send(`${issuer.origin}${path}`, { method: 'POST' })).status).toBe(404);
  });
});
