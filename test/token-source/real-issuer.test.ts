import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientWithSecret, NewClient } from '../../src/issuer/clients/client-registry.js';
import { createTokenSource, TokenSourceError } from '../../src/token-source/index.js';
import type { TokenSource, TokenSourceOptions } from '../../src/token-source/index.js';
import { basic, post } from '../issuer/support/issuer.js';
import type { TestIssuer } from '../issuer/support/issuer.js';
import { credentials, person } from '../issuer/support/people.js';
import { manualTiming } from './support/manual-timing.js';
import { startNamedIssuer } from './support/named-issuer.js';

const hour = 3_600_000;

describe('a token source at the real issuer', () => {
  const timing = manualTiming();
  let issuer: TestIssuer;

  beforeAll(async () => {
    issuer = await startNamedIssuer(timing.clock);
    await issuer.registries.users.add(person);
  });
  afterAll(() => issuer.close());

  const addClient = (settings: Partial<NewClient> = {}): Promise<ClientWithSecret> =>
    issuer.registry.add({ name: 'job', scopes: ['read_weather'], ...settings });

  function sourceOf(client: ClientWithSecret, changes: Partial<TokenSourceOptions> = {}): TokenSource {
    const { client_id: clientId, client_secret: clientSecret } = client;
    const options = {
      issuer: issuer.issuer,
      clientId,
      clientSecret,
      grant: 'client_credentials',
      ...changes,
    };
    const source = createTokenSource(options as TokenSourceOptions, timing);
    onTestFinished(() => source.close());
    return source;
  }

  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'gets a token of its client by discovery and %s',
    async (clientAuthentication) => {
      const client = await addClient({ authMethod: clientAuthentication });
      const source = sourceOf(client, { clientAuthentication, scope: 'read_weather' });
      const token = await source.token();
      expect(decodeJwt(token)).toMatchObject({ cid: client.client_id, scp: ['read_weather'] });
      expect(await source.token()).toBe(token);
    },
  );

  it('replaces a token in the background before it ends, and hands the old one out meanwhile', async () => {
    const source = sourceOf(await addClient(), { scope: 'read_weather' });
    const first = await source.token();
    timing.advance(0.79 * hour);
    expect(await source.token()).toBe(first);
    timing.advance(0.02 * hour);
    expect(await source.token()).toBe(first);
    await vi.waitFor(async () => {
      expect(await source.token()).not.toBe(first);
    });
  });

  it.each([
    {
      token: 'access_token',
      claims: { aud: 'api://default', scp: expect.arrayContaining(['openid']) as unknown },
    },
    { token: 'id_token', claims: { preferred_username: person.login } },
  ] as const)('gets the $token of a person by password', async ({ token, claims }) => {
    const client = await addClient({ grants: ['password'] });
    const source = sourceOf(client, { grant: credentials, scope: 'openid profile', token });
    const { exp = 0, ...rest } = decodeJwt(await source.token());
    expect(rest).toMatchObject(claims);
    timing.advance(exp * 1000 - timing.clock() - 1000);
    expect(decodeJwt(await source.token()).exp).toBeGreaterThan(exp);
  });

  it('gets an ID token at the token endpoint of the org', async () => {
    const client = await addClient({ grants: ['password', 'refresh_token'] });
    const { client_id: clientId, client_secret: clientSecret } = client;
    const tokenEndpoint = `${issuer.origin}/oauth2/v1/token`;
    const scope = 'openid offline_access';
    const source = createTokenSource(
      { tokenEndpoint, clientId, clientSecret, grant: credentials, scope, token: 'id_token' },
      timing,
    );
    onTestFinished(() => source.close());
    expect(decodeJwt(await source.token())).toMatchObject({ iss: issuer.origin, aud: clientId });
  });

  /** How often somebody's password was sent: the issuer warns each time. */
  const passwordsSent = ({ client_id }: ClientWithSecret): number =>
    issuer.log.filter((line) => line.includes('password grant is deprecated') && line.includes(client_id))
      .length;

  it.each(['STATIC', 'ROTATE'] as const)(
    'sends a password once, and refresh tokens that are %s from then on',
    async (refreshRotation) => {
      const client = await addClient({ grants: ['password', 'refresh_token'], refreshRotation });
      const source = sourceOf(client, {
        grant: credentials,
        scope: 'openid offline_access',
        token: 'id_token',
      });
      const tokens = new Set<string>();
      for (let hours = 0; hours < 5; hours++) {
        tokens.add(await source.token());
        timing.advance(hour);
      }
      expect([tokens.size, passwordsSent(client)]).toEqual([5, 1]);
    },
  );

  it('sends the password again when the refresh token has expired', async () => {
    const client = await addClient({ grants: ['password', 'refresh_token'] });
    const source = sourceOf(client, { grant: credentials, scope: 'openid offline_access' });
    const first = await source.token();
    timing.advance(400 * 24 * hour);
    expect(await source.token()).not.toBe(first);
    expect(passwordsSent(client)).toBe(2);
  });

  it('sends the password again when its client may not refresh any more', async () => {
    const client = await addClient({ grants: ['password', 'refresh_token'] });
    const source = sourceOf(client, { grant: credentials, scope: 'openid offline_access' });
    await source.token();
    await issuer.registry.replace(client.client_id, { name: 'job', grants: ['password'] });
    timing.advance(hour);
    await source.token();
    expect(passwordsSent(client)).toBe(2);
  });

  it('goes on with the refresh tokens that came of the first one, and tells them', async () => {
    const client = await addClient({
      grants: ['password', 'refresh_token'],
      refreshRotation: 'ROTATE',
      refreshLeewaySeconds: 0,
    });
    const form = { grant_type: 'password', ...credentials, scope: 'openid offline_access read_weather' };
    const { json } = await post(issuer, 'token', form, { headers: basic(client) });
    const told: string[] = [];
    const onRefreshToken = (refreshToken: string): void => void told.push(refreshToken);
    const source = sourceOf(client, {
      grant: { refreshToken: String(json.refresh_token), onRefreshToken },
      scope: 'read_weather',
    });
    for (let hours = 1; hours <= 3; hours++) {
      const token = await source.token();
      expect(decodeJwt(token)).toMatchObject({ sub: person.login, scp: ['read_weather'] });
      expect(told).toHaveLength(hours);
      timing.advance(hour);
    }
    expect(new Set([json.refresh_token, ...told]).size).toBe(4);
    const another = sourceOf(client, { grant: { refreshToken: told[0] ?? '' } });
    await expect(another.token()).rejects.toMatchObject({ code: 'invalid_grant' });
  });

  it.each([
    { note: 'another secret', code: 'invalid_client', changes: { clientSecret: 'another-secret' } },
    { note: 'a client that nobody knows', code: 'invalid_client', changes: { clientId: '0oaUnknown' } },
    { note: 'a scope that it may not have', code: 'invalid_scope', changes: { scope: 'write_weather' } },
    {
      note: 'a refresh token that nobody issued',
      code: 'invalid_grant',
      changes: { grant: { refreshToken: 'x' } },
    },
    {
      note: 'a wrong password',
      code: 'invalid_grant',
      changes: { grant: { ...credentials, password: 'wrong-password' } },
    },
  ] as const)('says $code for $note, and asks once only', async ({ code, changes }) => {
    const client = await addClient({ grants: ['client_credentials', 'password', 'refresh_token'] });
    const waits = timing.waits.length;
    const error: unknown = await sourceOf(client, { scope: 'openid', ...changes })
      .token()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TokenSourceError);
    expect(error).toMatchObject({ code, message: `no token: the server answered ${code}` });
    expect(timing.waits.length).toBe(waits);
  });

  it('says unauthorized_client for a grant that the client may not use', async () => {
    const source = sourceOf(await addClient(), { grant: credentials, scope: 'openid' });
    await expect(source.token()).rejects.toMatchObject({ code: 'unauthorized_client' });
  });
});
