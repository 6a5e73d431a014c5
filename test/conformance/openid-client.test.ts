import { exportJWK, generateKeyPair } from 'jose';
import * as client from 'openid-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NewClient } from '../../src/issuer/clients/client-registry.js';
import { Browser } from '../issuer/support/browser.js';
import { startTestIssuer } from '../issuer/support/issuer.js';
import type { TestIssuer } from '../issuer/support/issuer.js';
import { credentials, person } from '../issuer/support/people.js';
import { describeOnEveryStore } from '../issuer/support/stores.js';
import { freePort } from './support/free-port.js';

/** openid-client leaves out the query of a redirect URI when it repeats it. */
const redirectUri = 'https://app.example.test/callback';

// eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so that nobody uses it by accident; loopback has no https
const http = { execute: [client.allowInsecureRequests] };

describeOnEveryStore('openid-client', ({ newDatabase }) => {
  let issuer: TestIssuer;
  let server: URL;

  beforeAll(async () => {
    const port = String(await freePort());
    const ISSUER_BASE_URL = `http://127.0.0.1:${port}`;
    const ISSUER_DATABASE_URL = await newDatabase();
    issuer = await startTestIssuer({ ISSUER_PORT: port, ISSUER_BASE_URL, ISSUER_DATABASE_URL });
    server = new URL(`${ISSUER_BASE_URL}/oauth2/default`);
    await issuer.registries.users.add(person);
  });
  afterAll(() => issuer.close());

  const register = (settings: Partial<NewClient>) =>
    issuer.registry.add({ name: 'app', scopes: ['read_weather'], ...settings });

  it('discovers the issuer and gets a token for a program', async () => {
    const { client_id, client_secret } = await register({});
    const config = await client.discovery(server, client_id, client_secret, undefined, http);
    expect(config.serverMetadata().issuer).toBe(server.href);
    const tokens = await client.clientCredentialsGrant(config, { scope: 'read_weather' });
    expect(tokens.token_type).toBe('bearer');
    expect(await client.tokenIntrospection(config, tokens.access_token)).toMatchObject({
      active: true,
      client_id,
      scope: 'read_weather',
    });
    await client.tokenRevocation(config, tokens.access_token);
    expect(await client.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false });
  });

  it('signs a person in by code and PKCE, reads userinfo, and refreshes', async () => {
    const { client_id } = await register({
      authMethod: 'none',
      grants: ['authorization_code', 'refresh_token'],
      redirectUris: [redirectUri],
      refreshRotation: 'ROTATE',
    });
    const config = await client.discovery(server, client_id, undefined, client.None(), http);
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid profile offline_access',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: expectedState,
      nonce: expectedNonce,
    });
    const browser = new Browser(issuer);
    const page = await browser.open(url.pathname + url.search);
    const answer = await browser.submit(page, credentials);
    const current = new URL(answer.headers.get('location') ?? '');
    const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true };
    const tokens = await client.authorizationCodeGrant(config, current, checks);
    const subject = tokens.claims()?.sub ?? '';
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, subject);
    expect(userinfo).toMatchObject({ name: person.name, preferred_username: person.login });
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(refreshed.claims()?.sub).toBe(subject);
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
  });

  it.each(['ES256', 'RS256', 'Ed25519'])('authenticates by private_key_jwt with %s', async (algorithm) => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', use: 'sig' }] };
    const { client_id } = await register({ authMethod: 'private_key_jwt', jwks });
    const authentication = client.PrivateKeyJwt({ key: privateKey, kid: 'k1' });
    const config = await client.discovery(server, client_id, undefined, authentication, http);
    const tokens = await client.clientCredentialsGrant(config, { scope: 'read_weather' });
    expect(await client.tokenIntrospection(config, tokens.access_token)).toMatchObject({ active: true });
  });

  it('reads what a refusal says', async () => {
    const { client_id } = await register({});
    const config = await client.discovery(server, client_id, 'wrong', undefined, http);
    await expect(client.clientCredentialsGrant(config, { scope: 'read_weather' })).rejects.toMatchObject({
      status: 401,
      cause: [{ scheme: 'basic' }],
    });
  });
});
