import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, decodeJwt } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClientRegistry } from '../../src/issuer/clients/client-registry.js';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { Peppers } from '../../src/issuer/peppers.js';
import { openStore } from '../../src/issuer/store/open-store.js';
import { basic, send, startTestIssuer, testPepper } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';
import { addServer, listClient } from './support/servers.js';
import type { ServerForTest } from './support/servers.js';
import { describeOnEveryStore } from './support/stores.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const servers = [
  { id: 'rsa', algorithm: 'RS256', seconds: 300, scopes: { read: true, write: false } },
  { id: 'rsa512', algorithm: 'RS512', seconds: 86_400, scopes: { read: true } },
  { id: 'curve', algorithm: 'ES256', audience: 'https://api.example/é', scopes: { read: true } },
  { id: 'edwards', algorithm: 'EdDSA', scopes: { read: true, write: true } },
] as const satisfies readonly ServerForTest[];

const base = 'http://127.0.0.1:8087';

/** Members of a public JWK by key type (RFC 7518 section 6, RFC 8037 section 2). */
const publicMembers: Readonly<Record<string, readonly string[]>> = {
  RS256: ['alg', 'e', 'kid', 'kty', 'n', 'use'],
  RS512: ['alg', 'e', 'kid', 'kty', 'n', 'use'],
  ES256: ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
  EdDSA: ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
};

describeOnEveryStore('authorization servers', ({ newDatabase }) => {
  const folder = temporaryFolder();
  let issuer: TestIssuer;
  let client: ClientWithSecret;
  let unlisted: ClientWithSecret;

  beforeAll(async () => {
    const url = (await newDatabase()).replace('pglite:memory', `pglite:${folder.path}`);
    const store = await openStore(url);
    const registry = new ClientRegistry(store, new Peppers([testPepper]));
    client = await registry.add({ name: 'listed', scopes: ['read'] });
    unlisted = await registry.add({ name: 'unlisted', scopes: ['read'] });
    for (const server of servers) {
      await addServer(store, server);
      await listClient(store, client.client_id, server.id, Object.keys(server.scopes));
    }
    await store.close();
    issuer = await startTestIssuer({ ISSUER_DATABASE_URL: url });
  });

  afterAll(async () => {
    await issuer.close();
    folder.remove();
  });

  const at = (path: string, form?: Record<string, string>, of = client): Promise<Answer> =>
    send(`${issuer.origin}/${path}`, {
      headers: basic(of),
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    });
  const grant = (server: string, scope?: string, of = client): Promise<Answer> =>
    at(
      `oauth2/${server}/v1/token`,
      { grant_type: 'client_credentials', ...(scope !== undefined && { scope }) },
      of,
    );
  const tokenOf = async (server: string) => String((await grant(server)).json.access_token);
  const keysOf = async (server: string) =>
    (await at(`oauth2/${server}/v1/keys`)).json as unknown as JSONWebKeySet;

  describe.each<ServerForTest>(servers)('$id, which signs with $algorithm,', (server) => {
    const { id, algorithm, audience = `api://${id}`, seconds = 3600 } = server;

    it('gives tokens that its own keys verify, with its issuer, audience and lifetime', async () => {
      const { json } = await grant(id);
      const token = String(json.access_token);
      const { payload } = await jwtVerify(token, createLocalJWKSet(await keysOf(id)), {
        issuer: `${base}/oauth2/${id}`,
        audience,
        algorithms: [algorithm],
      });
      expect(decodeProtectedHeader(token)).toEqual({ kid: expect.any(String) as string, alg: algorithm });
      expect([Number(payload.exp) - Number(payload.iat), json.expires_in]).toEqual([seconds, seconds]);
    });

    it('publishes a key that signs and the next one, public members only', async () => {
      const { keys } = await keysOf(id);
      expect(keys).toHaveLength(2);
      for (const key of keys) {
        expect(Object.keys(key).toSorted()).toEqual(publicMembers[algorithm]);
        expect(key).toMatchObject({ alg: algorithm, use: 'sig' });
      }
    });

    it('says what it is in both metadata documents', async () => {
      const own = `${base}/oauth2/${id}`;
      const oauth = await at(`oauth2/${id}/.well-known/oauth-authorization-server`);
      const openid = await at(`oauth2/${id}/.well-known/openid-configuration`);
      for (const { json } of [oauth, openid])
        expect(json).toMatchObject({
          issuer: own,
          jwks_uri: `${own}/v1/keys`,
          token_endpoint: `${own}/v1/token`,
        });
      expect(openid.json.id_token_signing_alg_values_supported).toEqual([algorithm]);
    });

    it('tells the state of its own tokens, and of no other server’s', async () => {
      const token = await tokenOf(id);
      for (const { id: asked } of servers) {
        const { status, json } = await at(`oauth2/${asked}/v1/introspect`, { token });
        expect([asked, status, json.active]).toEqual([asked, 200, asked === id]);
      }
    });

    it('has no token for a client that is not listed for it, whatever the scope', async () => {
      for (const scope of [undefined, 'read', 'nonsense']) {
        const { status, json } = await grant(id, scope, unlisted);
        expect([status, json.error]).toEqual([400, 'access_denied']);
      }
    });
  });

  it('give their default scopes to who asks for none', async () => {
    const scopes = await Promise.all(
      ['rsa', 'edwards'].map(async (id) =>
        String((await grant(id)).json.scope)
          .split(' ')
          .toSorted(),
      ),
    );
    expect(scopes).toEqual([['read'], ['read', 'write']]);
  });

  it('share the keys of an algorithm, and nothing else', async () => {
    expect(await keysOf('rsa')).toEqual(await keysOf('default'));
    const token = await tokenOf('rsa');
    await at('oauth2/default/v1/revoke', { token });
    expect((await at('oauth2/rsa/v1/introspect', { token })).json.active).toBe(true);
    await at('oauth2/rsa/v1/revoke', { token });
    expect((await at('oauth2/rsa/v1/introspect', { token })).json.active).toBe(false);
  });

  it.each([
    ['v1/token', 'POST'],
    ['v1/introspect', 'POST'],
    ['v1/revoke', 'POST'],
    ['v1/keys', 'GET'],
    ['.well-known/oauth-authorization-server', 'GET'],
    ['.well-known/openid-configuration', 'GET'],
  ])('that are none have no %s: Okta’s 404', async (path, method) => {
    // The org's own has an address without a name.
    for (const id of ['nowhere', 'org', 'RSA', '%00', '__proto__', 'a'.repeat(2000)]) {
      const { status, json } = await send(`${issuer.origin}/oauth2/${id}/${path}`, { method });
      expect([id.slice(0, 20), status, json.errorCode]).toEqual([id.slice(0, 20), 404, 'E0000007']);
    }
    const { json } = await send(`${issuer.origin}/oauth2/nowhere/${path}`, { method });
    expect(json).toEqual({
      errorCode: 'E0000007',
      errorSummary: 'Not found: Resource not found: nowhere (AuthorizationServer)',
      errorLink: 'E0000007',
      errorId: expect.stringMatching(/^oae/) as string,
      errorCauses: [],
    });
  });

  it('the org’s own is at the base, with endpoints below /oauth2/v1', async () => {
    for (const name of ['oauth-authorization-server', 'openid-configuration']) {
      const { json } = await at(`.well-known/${name}`);
      expect(json).toMatchObject({
        issuer: base,
        token_endpoint: `${base}/oauth2/v1/token`,
        introspection_endpoint: `${base}/oauth2/v1/introspect`,
        jwks_uri: `${base}/oauth2/v1/keys`,
      });
    }
    const keys = await at('oauth2/v1/keys');
    expect(keys.json).toEqual(await keysOf('default'));
    const issued = await at('oauth2/v1/token', { grant_type: 'client_credentials', scope: 'read' });
    expect(decodeJwt(String(issued.json.access_token))).toMatchObject({ iss: base, aud: 'api://org' });
    const unknown = await at('oauth2/v1/token', { grant_type: 'client_credentials', scope: 'nothing' });
    expect([unknown.status, unknown.json.error]).toEqual([400, 'invalid_scope']);
  });
});
