import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startTestIssuer } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';

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
