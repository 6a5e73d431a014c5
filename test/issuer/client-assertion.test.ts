import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { PublicJwks } from '../../src/issuer/store/schema.js';
import { describeWithPostgres, startPostgres } from '../support/postgres.js';
import type { Claims } from '../support/tokens.js';
import { base64url } from '../support/tokens.js';
import {
  asAssertion,
  assertionClaims,
  clientKey,
  fromElsewhere,
  signAssertion,
  testBase,
} from './support/assertions.js';
import type { ClientKey } from './support/assertions.js';
import { addClient, preparedDatabase } from './support/clients.js';
import type { AddedClient } from './support/clients.js';
import { post, startTestIssuer } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';
import { withStore } from './support/servers.js';
import { describeOnEveryStore } from './support/stores.js';

const rsa = clientKey('RSA', { kid: 'rsa' });
const rs512Only = clientKey('RSA', { kid: 'rs512', alg: 'RS512' });
const forEncryption = clientKey('RSA', { kid: 'enc', use: 'enc' });
const p256 = clientKey('P-256', { kid: 'p256', use: 'sig' });
const p384 = clientKey('P-384', { kid: 'p384' });
const ed25519 = clientKey('Ed25519', { kid: 'ed' });
const foreign = clientKey('RSA', { kid: 'rsa' });
const jwks: PublicJwks = {
  keys: [rsa, rs512Only, forEncryption, p256, p384, ed25519].map(({ jwk }) => jwk),
};
const tokenEndpoint = `${testBase}/oauth2/default/v1/token`;
const grant = { grant_type: 'client_credentials', scope: 'read_sayhello' };
const proxied = { ISSUER_TRUST_PROXY: '127.0.0.1' };
const now = () => Math.floor(Date.now() / 1000);

function ask(issuer: TestIssuer, jwt: string, more: Record<string, string> = {}): Promise<Answer> {
  return post(issuer, 'token', { ...grant, ...asAssertion(jwt), ...more }, { headers: fromElsewhere() });
}

describeOnEveryStore('a client that authenticates by private_key_jwt', (store) => {
  let issuer: TestIssuer;
  let client: AddedClient;
  let bySecret: AddedClient;
  let database: { readonly url: string; readonly remove: () => void };
  beforeAll(async () => {
    database = await preparedDatabase(store, async (opened) => {
      client = await addClient(opened, { authMethod: 'private_key_jwt', jwks });
      bySecret = await addClient(opened, { jwks });
    });
    issuer = await startTestIssuer({ ISSUER_DATABASE_URL: database.url, ...proxied });
  });
  afterAll(async () => {
    await issuer.close();
    database.remove();
  });

  const sign = (changes: Claims = {}, header: Claims = { kid: 'rsa' }, { privateKey }: ClientKey = rsa) =>
    signAssertion(privateKey, assertionClaims(client.client_id, changes), header);

  it.each<[string, ClientKey]>([
    ['RS256', rsa],
    ['RS384', rsa],
    ['RS512', rs512Only],
    ['PS256', rsa],
    ['ES256', p256],
    ['ES384', p384],
    ['EdDSA', ed25519],
  ])('signs with %s', async (alg, key) => {
    const { status, json } = await ask(issuer, await sign({}, { alg, kid: key.jwk.kid }, key));
    expect([status, json.scope]).toEqual([200, 'read_sayhello']);
  });

  it.each<[string, Claims, Claims]>([
    ['no kid', {}, {}],
    ['the issuer as audience', { aud: `${testBase}/oauth2/default` }, {}],
    ['endpoint and issuer as audiences', { aud: [tokenEndpoint, `${testBase}/oauth2/default`] }, {}],
    ['no iat', { iat: undefined }, {}],
    ['an iat a moment ahead', { iat: now() + 30, exp: now() + 90 }, {}],
    ['an exp a moment ago', { exp: now() - 30 }, {}],
    ['an nbf', { nbf: now() }, {}],
  ])('may have %s', async (_, claims, header) => {
    expect((await ask(issuer, await sign(claims, header))).status).toBe(200);
  });

  it('may name itself as client_id too', async () => {
    expect((await ask(issuer, await sign(), { client_id: client.client_id })).status).toBe(200);
    const answer = await ask(issuer, await sign(), { client_id: bySecret.client_id });
    expect([answer.status, answer.json.error]).toEqual([401, 'invalid_request']);
  });

  it('uses it at the introspection endpoint with that audience', async () => {
    const introspect = (jwt: string) =>
      post(issuer, 'introspect', { token: 'x', ...asAssertion(jwt) }, { headers: fromElsewhere() });
    const forThere = await sign({ aud: `${testBase}/oauth2/default/v1/introspect` });
    expect((await introspect(forThere)).text).toBe('{"active":false}');
    expect((await introspect(await sign())).status).toBe(401);
  });

  it.each<[string, Claims]>([
    ['no exp', { exp: undefined }],
    ['an exp that is text', { exp: String(now() + 60) }],
    ['an exp more than an hour ahead', { exp: now() + 3700, iat: undefined }],
    ['a life of more than an hour', { iat: now() - 3000, exp: now() + 700 }],
    ['an exp of two minutes ago', { exp: now() - 120 }],
    ['an iat of two minutes ahead', { iat: now() + 120 }],
    ['an nbf of two minutes ahead', { nbf: now() + 120 }],
    ['an iat that is text', { iat: 'now' }],
    ['another iss than sub', { iss: 'somebody' }],
    ['no iss', { iss: undefined }],
    ['no sub', { sub: undefined }],
    ['no jti', { jti: undefined }],
    ['an empty jti', { jti: '' }],
    ['a jti that no index takes', { jti: 'x'.repeat(5000) }],
    ['a jti with NUL', { jti: 'a\0b' }],
    ['no aud', { aud: undefined }],
    ['an empty list of audiences', { aud: [] }],
    ['another endpoint as audience', { aud: `${testBase}/oauth2/default/v1/revoke` }],
    ['another issuer as audience', { aud: `${testBase}/oauth2/org` }],
    ['the audience with a slash', { aud: `${tokenEndpoint}/` }],
    ['somebody else among the audiences', { aud: [tokenEndpoint, 'https://other.example'] }],
  ])('is refused with %s', async (_, claims) => {
    const { status, json, headers } = await ask(issuer, await sign(claims));
    expect([status, json.error]).toEqual([401, 'invalid_client']);
    expect(headers.get('www-authenticate')).toContain('Basic');
  });

  it.each<[string, () => Promise<string> | string]>([
    ['somebody else’s key', () => sign({}, { kid: 'rsa' }, foreign)],
    ['a kid that it has not', () => sign({}, { kid: 'other' })],
    ['another algorithm than the key is for', () => sign({}, { kid: 'rs512' }, rs512Only)],
    ['a key for encryption', () => sign({}, { kid: 'enc' }, forEncryption)],
    ['an algorithm that is not accepted', () => sign({}, { alg: 'PS512', kid: 'rsa' })],
    ['a header that must be understood', () => sign({}, { kid: 'rsa', crit: ['exp'], exp: 1 })],
    [
      'HS256 and the public key as secret',
      () => {
        const secret = createHash('sha256').update(JSON.stringify(rsa.jwk)).digest();
        return signAssertion(secret, assertionClaims(client.client_id), { alg: 'HS256', kid: 'rsa' });
      },
    ],
    [
      'alg none',
      () => `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(assertionClaims(client.client_id)))}.`,
    ],
    [
      'alg none and some signature',
      () =>
        `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(assertionClaims(client.client_id)))}.AAAA`,
    ],
    ['nonsense', () => 'nonsense'],
  ])('is refused with %s', async (_, jwt) => {
    const { status, json } = await ask(issuer, await jwt());
    expect([status, json.error]).toEqual([401, 'invalid_client']);
  });

  it('is refused with an assertion of another type, without the type, and with the type alone', async () => {
    const { client_assertion, client_assertion_type } = asAssertion(await sign());
    for (const form of [
      { client_assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
      { client_assertion },
      { client_assertion_type },
    ]) {
      const { status, json } = await post(issuer, 'token', { ...grant, ...form } as Record<string, string>);
      expect([status, json.error]).toEqual([401, 'invalid_client']);
    }
  });

  it('is refused like a client that there is not, or that has another method', async () => {
    const of = (clientId: string, key = rsa) =>
      signAssertion(key.privateKey, assertionClaims(clientId), { kid: 'rsa' });
    const wrong = await ask(issuer, await of(client.client_id, foreign));
    const unknown = await ask(issuer, await of('0oaNobody'));
    const other = await ask(issuer, await of(bySecret.client_id));
    expect([unknown.status, unknown.text]).toEqual([401, wrong.text]);
    expect([other.status, other.text]).toEqual([401, wrong.text]);
  });

  it('is refused with the assertion in the URL', async () => {
    const query = new URLSearchParams(asAssertion(await sign())).toString();
    const { status, json } = await post(issuer, `token?${query}`, grant);
    expect([status, json.error]).toEqual([400, 'invalid_request']);
  });

  it('uses an assertion once, and a forgery with its id does not count', async () => {
    const jti = 'the-only-one';
    expect((await ask(issuer, await sign({ jti }, { kid: 'rsa' }, foreign))).status).toBe(401);
    const jwt = await sign({ jti });
    const uses = await Promise.all(Array.from({ length: 5 }, () => ask(issuer, jwt)));
    expect(uses.map(({ status }) => status).toSorted()).toEqual([200, 401, 401, 401, 401]);
    expect((await ask(issuer, await sign({ jti }))).status).toBe(401);
    expect((await ask(issuer, await sign())).status).toBe(200);
  });
});

describeWithPostgres('an assertion', (binaries) => {
  it('is good for one use in all processes that share the database', async () => {
    const server = await startPostgres(binaries);
    onTestFinished(() => server.close());
    const database = { ISSUER_DATABASE_URL: await server.newDatabase(), ...proxied };
    const client = await withStore(database.ISSUER_DATABASE_URL, (opened) =>
      addClient(opened, { authMethod: 'private_key_jwt', jwks }),
    );
    const issuers = [await startTestIssuer(database), await startTestIssuer(database)];
    onTestFinished(async () => {
      for (const issuer of issuers) await issuer.close();
    });
    const jwt = await signAssertion(rsa.privateKey, assertionClaims(client.client_id), { kid: 'rsa' });
    const uses = await Promise.all([...issuers, ...issuers, ...issuers].map((issuer) => ask(issuer, jwt)));
    expect(uses.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});

describe('the metadata', () => {
  it('names the algorithms', async () => {
    const issuer = await startTestIssuer();
    onTestFinished(() => issuer.close());
    const response = await fetch(`${issuer.origin}/oauth2/default/.well-known/oauth-authorization-server`);
    expect(await response.json()).toMatchObject({
      token_endpoint_auth_methods_supported: [
        'client_secret_basic',
        'client_secret_post',
        'private_key_jwt',
        'none',
      ],
      token_endpoint_auth_signing_alg_values_supported: [
        'RS256',
        'RS384',
        'RS512',
        'PS256',
        'ES256',
        'ES384',
        'EdDSA',
        'Ed25519',
      ],
    });
  });
});
