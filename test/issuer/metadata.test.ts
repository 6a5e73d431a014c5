import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { basic, post, send, startTestIssuer } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';
import { addApp, person, tokensOf } from './support/people.js';

let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await startTestIssuer({ ISSUER_BASE_URL: 'https://login.example.test/auth' });
});

afterAll(() => issuer.close());

const get = (path: string) => send(`${issuer.origin}/oauth2/default/${path}`);

describe.each(['oauth-authorization-server', 'openid-configuration'])('the metadata document %s', (name) => {
  it('names the issuer as the settings do', async () => {
    const { status, json } = await get(`.well-known/${name}?client_id=0oaAnybody`);
    expect([status, json.issuer]).toEqual([200, 'https://login.example.test/auth/oauth2/default']);
  });

  it('announces only endpoints that answer, and all of those', async () => {
    const { json } = await get(`.well-known/${name}`);
    const announced = Object.entries(json).filter(([key]) => key.endsWith('_endpoint') || key === 'jwks_uri');
    const answers = announced.map(async ([key, url]) => {
      const path = String(url).replace('https://login.example.test/auth', issuer.origin);
      const { status } = await send(path, { method: key === 'jwks_uri' ? 'GET' : 'POST' });
      return [key, status];
    });
    // Each refuses a request without anything in its own way; 404 and 405 would mean that it is not there.
    expect(Object.fromEntries(await Promise.all(answers))).toEqual({
      authorization_endpoint: 400,
      end_session_endpoint: 400,
      introspection_endpoint: 401,
      jwks_uri: 200,
      registration_endpoint: 401,
      revocation_endpoint: 401,
      token_endpoint: 401,
      userinfo_endpoint: 401,
    });
  });

  it('announces what the endpoints take', async () => {
    const { json } = await get(`.well-known/${name}`);
    expect(json).toMatchObject({
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'form_post'],
      grant_types_supported: ['client_credentials', 'authorization_code', 'password', 'refresh_token'],
      subject_types_supported: ['public'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      request_uri_parameter_supported: false,
    });
    const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'];
    for (const endpoint of ['token', 'introspection', 'revocation'])
      expect(json[`${endpoint}_endpoint_auth_methods_supported`]).toEqual(methods);
    const scopes = ['openid', 'profile', 'email', 'offline_access'];
    expect(json.scopes_supported).toEqual(expect.arrayContaining(scopes));
  });
});

it('the metadata announce every grant type that the token endpoint knows, and no other', async () => {
  const { json } = await get('.well-known/openid-configuration');
  const client = await issuer.registry.add({ name: 'asker', scopes: ['read'] });
  const errorOf = async (grant: string) =>
    (await post(issuer, 'token', { grant_type: grant }, { headers: basic(client) })).json.error;
  for (const grant of json.grant_types_supported as string[])
    expect(await errorOf(grant)).not.toBe('unsupported_grant_type');
  for (const grant of ['implicit', 'urn:ietf:params:oauth:grant-type:device_code'])
    expect(await errorOf(grant)).toBe('unsupported_grant_type');
});

it('the metadata announce the claims of the tokens that are given, and no others', async () => {
  const reachable = await startTestIssuer();
  try {
    await reachable.registries.users.add(person);
    const tokens = await tokensOf(reachable, await addApp(reachable), 'openid profile email');
    const given = [tokens.access_token, tokens.id_token].flatMap((token) =>
      Object.keys(decodeJwt(String(token))),
    );
    const { json } = await send(`${reachable.origin}/oauth2/default/.well-known/openid-configuration`);
    expect((json.claims_supported as string[]).toSorted()).toEqual([...new Set(given)].toSorted());
  } finally {
    await reachable.close();
  }
});

describe('the key set', () => {
  it('has the signing key and the next one, with public members only', async () => {
    const { status, json, headers } = await get('v1/keys');
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('max-age=3600, must-revalidate');
    const keys = json.keys as Record<string, unknown>[];
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(Object.keys(key).toSorted()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
      expect(key).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig' });
    }
  });
});

describe('the management port', () => {
  it('is ready, and counts answers by endpoint and status', async () => {
    const management = `http://127.0.0.1:${issuer.managementPort}`;
    expect((await send(`${management}/health/ready`)).json).toMatchObject({ status: 'ready' });
    await get('v1/token');
    const { text } = await send(`${management}/metrics`);
    expect(text).toMatch(/nest_okta_opa_issuer_requests_total\{endpoint="token",status="405"\} 1\n/);
  });
});
