import { createHash } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { basic, post, send, startTestIssuer } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';
import { credentials, person } from './support/people.js';
import { describeOnEveryStore } from './support/stores.js';

describeOnEveryStore('people who sign in by the password grant', ({ newDatabase }) => {
  let issuer: TestIssuer;
  let app: ClientWithSecret;
  let userId: string;

  const grants = ['password', 'refresh_token', 'client_credentials'] as const;
  const token = (form: Record<string, string>, client = app) =>
    post(issuer, 'token', { grant_type: 'password', ...credentials, ...form }, { headers: basic(client) });
  const introspect = async (of: unknown, client = app) =>
    (await post(issuer, 'introspect', { token: String(of) }, { headers: basic(client) })).json;

  beforeAll(async () => {
    issuer = await startTestIssuer({ ISSUER_DATABASE_URL: await newDatabase() });
    app = await issuer.registry.add({ name: 'app', scopes: ['read_weather'], grants });
    userId = (await issuer.registries.users.add(person)).id;
  });
  afterAll(() => issuer.close());

  it('get an access token that names them', async () => {
    const { status, json } = await token({ scope: 'read_weather' });
    expect(status).toBe(200);
    expect(json).not.toHaveProperty('refresh_token');
    expect(json).not.toHaveProperty('id_token');
    const { auth_time, iat, ...claims } = decodeJwt(String(json.access_token));
    expect(auth_time).toBe(iat);
    expect(claims).toMatchObject({
      uid: userId,
      sub: person.login,
      cid: app.client_id,
      scp: ['read_weather'],
      aud: 'api://default',
    });
  });

  it('get an ID token with openid, bound to its access token', async () => {
    const { json } = await token({ scope: 'openid profile email' });
    const keys = await send(`${issuer.origin}/oauth2/default/v1/keys`);
    const keySet = createLocalJWKSet(keys.json as unknown as JSONWebKeySet);
    const { payload } = await jwtVerify(String(json.id_token), keySet, { audience: app.client_id });
    const digest = createHash('sha256').update(String(json.access_token)).digest();
    expect(payload).toMatchObject({
      ver: 1,
      sub: userId,
      iss: 'http://127.0.0.1:8087/oauth2/default',
      amr: ['pwd'],
      at_hash: digest.subarray(0, 16).toString('base64url'),
      name: person.name,
      preferred_username: person.login,
      email: person.email,
    });
    expect(payload.jti).toMatch(/^ID\./);
    expect(payload).not.toHaveProperty('nonce');
  });

  it('are found whatever the case of the login', async () => {
    const { status } = await token({ scope: 'openid', username: person.login.toUpperCase() });
    expect(status).toBe(200);
  });

  it('get one answer for an unknown login and a wrong password', async () => {
    const wrong = await token({ scope: 'openid', password: 'wrong' });
    const unknown = await token({ scope: 'openid', username: 'nobody@example.test' });
    expect([wrong.status, wrong.json]).toEqual([
      400,
      { error: 'invalid_grant', error_description: 'The credentials provided were invalid.' },
    ]);
    expect([unknown.status, unknown.text]).toEqual([wrong.status, wrong.text]);
  });

  it('can only use clients that were given the grant, and the log says that it is deprecated', async () => {
    const other = await issuer.registry.add({ name: 'other', scopes: ['read_weather'] });
    const refused = await token({ scope: 'openid' }, other);
    expect([refused.status, refused.json.error]).toEqual([400, 'unauthorized_client']);
    await token({ scope: 'openid' });
    const log = issuer.log.join('');
    expect(log).toContain('the password grant is deprecated');
    expect(log).not.toContain(person.password);
    expect(log).not.toContain(person.login);
  });

  it('are told of by introspection: access, refresh and ID token', async () => {
    const { json } = await token({ scope: 'openid offline_access' });
    const common = { active: true, username: person.login, uid: userId, client_id: app.client_id };
    expect(await introspect(json.access_token)).toMatchObject({
      ...common,
      sub: person.login,
      token_type: 'Bearer',
      scope: 'openid offline_access',
    });
    expect(await introspect(json.refresh_token)).toMatchObject({ ...common, scope: 'openid offline_access' });
    expect(await introspect(json.id_token)).toMatchObject({ ...common, sub: userId, aud: app.client_id });
  });

  it('have tokens that end with the refresh token, which does not end with them', async () => {
    const { json } = await token({ scope: 'openid offline_access' });
    await post(issuer, 'revoke', { token: String(json.access_token) }, { headers: basic(app) });
    expect(await introspect(json.access_token)).toEqual({ active: false });
    expect(await introspect(json.refresh_token)).toMatchObject({ active: true });
    const second = await token({ scope: 'openid offline_access' });
    const refresh = String(second.json.refresh_token);
    const stranger = await issuer.registry.add({ name: 'stranger', scopes: ['read_weather'] });
    await post(issuer, 'revoke', { token: refresh }, { headers: basic(stranger) });
    expect(await introspect(second.json.access_token)).toMatchObject({ active: true });
    await post(issuer, 'revoke', { token: refresh }, { headers: basic(app) });
    for (const ended of [second.json.access_token, refresh])
      expect(await introspect(ended)).toEqual({ active: false });
  });

  it('lose their tokens when they are removed', async () => {
    const short = { login: 'short@example.test', password: 'a password' };
    await issuer.registries.users.add(short);
    const { json } = await token({
      scope: 'openid offline_access',
      username: short.login,
      password: short.password,
    });
    expect(await introspect(json.access_token)).toMatchObject({ active: true });
    await issuer.registries.users.remove(short.login);
    for (const gone of [json.access_token, json.refresh_token, json.id_token])
      expect(await introspect(gone)).toEqual({ active: false });
    const again = await token({ scope: 'openid', username: short.login, password: short.password });
    expect(again.json.error).toBe('invalid_grant');
  });

  it.each([
    [{ username: '' }, 'invalid_request'],
    [{ password: '' }, 'invalid_request'],
    [{ scope: 'nothing' }, 'invalid_scope'],
    [{ scope: 'openid nothing' }, 'invalid_scope'],
  ])('are refused with %j: %s', async (form, error) => {
    const answer = await token({ scope: 'openid', ...form });
    expect([answer.status, answer.json.error]).toEqual([400, error]);
  });
});
