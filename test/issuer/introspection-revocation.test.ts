import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { makeKey, mint, tamper } from '../support/tokens.js';
import { basic, post, startTestIssuer, tokenFor } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';

let issuer: TestIssuer;
let client: ClientWithSecret;
let other: ClientWithSecret;

beforeAll(async () => {
  issuer = await startTestIssuer();
  client = await issuer.registry.add({ name: 'greeter', scopes: ['read_sayhello', 'read_weather'] });
  other = await issuer.registry.add({ name: 'other', scopes: ['read_sayhello'] });
});

afterAll(() => issuer.close());

const introspect = (token: string) => post(issuer, 'introspect', { token }, { headers: basic(other) });

/** The same token with another spelling of its last character, where that is possible: the same bytes. */
function respelled(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return token.slice(0, -1) + alphabet.charAt(alphabet.indexOf(token.slice(-1)) + 1);
}

describe('introspection', () => {
  it("tells an active token in introspection's names, to any client", async () => {
    const token = await tokenFor(issuer, client, 'read_weather read_sayhello');
    const { status, json } = await introspect(token);
    expect(status).toBe(200);
    const { jti, exp, iat, ...others } = json;
    expect([typeof jti, Number(exp) - Number(iat)]).toEqual(['string', 3600]);
    expect(others).toEqual({
      active: true,
      scope: 'read_weather read_sayhello',
      sub: client.client_id,
      aud: 'api://default',
      iss: 'http://127.0.0.1:8087/oauth2/default',
      token_type: 'Bearer',
      client_id: client.client_id,
    });
  });

  it.each([
    ['nonsense', () => Promise.resolve('nonsense')],
    [
      'two segments',
      async () => (await tokenFor(issuer, client, 'read_sayhello')).split('.').slice(0, 2).join('.'),
    ],
    [
      'a token with another subject under the old signature',
      async () => tamper(await tokenFor(issuer, client, 'read_sayhello')),
    ],
    ['another spelling of a token', async () => respelled(await tokenFor(issuer, client, 'read_sayhello'))],
    ["somebody else's token", () => mint(makeKey('foreign'))],
  ])('says active false, and nothing more, of %s', async (_, token) => {
    const { status, text } = await introspect(await token());
    expect([status, text]).toEqual([200, '{"active":false}']);
  });

  it('needs a token: 400 invalid_request', async () => {
    const { status, json } = await post(issuer, 'introspect', {}, { headers: basic(other) });
    expect([status, json.error_description]).toEqual([400, "The 'token' parameter is required."]);
  });

  it('needs client credentials: 401 invalid_client', async () => {
    const { status, json } = await post(issuer, 'introspect', { token: 'x' });
    expect([status, json.error]).toEqual([401, 'invalid_client']);
  });
});

describe('revocation', () => {
  it('makes a token inactive, at once and for good', async () => {
    const token = await tokenFor(issuer, client, 'read_sayhello');
    const revoked = await post(issuer, 'revoke', { token }, { headers: basic(client) });
    expect([revoked.status, revoked.text]).toEqual([200, '']);
    expect((await introspect(token)).json).toEqual({ active: false });
    expect((await post(issuer, 'revoke', { token }, { headers: basic(client) })).status).toBe(200);
  });

  it('leaves other tokens of the client alone', async () => {
    const [token, kept] = await Promise.all([
      tokenFor(issuer, client, 'read_sayhello'),
      tokenFor(issuer, client, 'read_sayhello'),
    ]);
    await post(issuer, 'revoke', { token }, { headers: basic(client) });
    expect((await introspect(kept)).json.active).toBe(true);
  });

  it("answers 200 to another client's token and does nothing to it", async () => {
    const token = await tokenFor(issuer, client, 'read_sayhello');
    const answer = await post(issuer, 'revoke', { token }, { headers: basic(other) });
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect((await introspect(token)).json.active).toBe(true);
  });

  it('answers 200 to a token that never was', async () => {
    const answer = await post(issuer, 'revoke', { token: 'nonsense' }, { headers: basic(client) });
    expect([answer.status, answer.text]).toEqual([200, '']);
  });
});

describe('a client that was removed', () => {
  it('gets no tokens, and those it had are inactive', async () => {
    const gone = await issuer.registry.add({ name: 'gone', scopes: ['read_sayhello'] });
    const token = await tokenFor(issuer, gone, 'read_sayhello');
    await issuer.registry.remove(gone.client_id);
    expect((await introspect(token)).json).toEqual({ active: false });
    const form = { grant_type: 'client_credentials', scope: 'read_sayhello' };
    expect((await post(issuer, 'token', form, { headers: basic(gone) })).status).toBe(401);
  });
});

describe('a client whose secret was changed', () => {
  it('is known by the new one only', async () => {
    const old = await issuer.registry.add({ name: 'rotated', scopes: ['read_sayhello'] });
    const now = await issuer.registry.rotateSecret(old.client_id);
    const form = { grant_type: 'client_credentials', scope: 'read_sayhello' };
    expect((await post(issuer, 'token', form, { headers: basic(old) })).status).toBe(401);
    expect((await post(issuer, 'token', form, { headers: basic(now) })).status).toBe(200);
  });
});

it('neither tokens nor secrets are in the log of all this, at its most talkative', () => {
  const log = issuer.log.join('');
  expect(log).toContain('the issuer is listening');
  expect(log).not.toMatch(/eyJ[A-Za-z0-9_-]{10}/);
  expect(log).not.toContain(client.client_secret);
  expect(log).not.toContain(basic(client).authorization.slice(6));
});
