import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientWithSecret, NewClient } from '../../src/issuer/clients/client-registry.js';
import { describeWithPostgres, startPostgres } from '../support/postgres.js';
import { basic, post, startTestIssuer } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';
import { credentials, person } from './support/people.js';
import { describeOnEveryStore } from './support/stores.js';

const day = 86_400_000;

function addApp(issuer: TestIssuer, settings: Partial<NewClient>): Promise<ClientWithSecret> {
  return issuer.registry.add({
    name: 'app',
    scopes: ['read_weather'],
    grants: ['password', 'refresh_token'],
    ...settings,
  });
}

async function signIn(issuer: TestIssuer, client: ClientWithSecret): Promise<Record<string, string>> {
  const form = { grant_type: 'password', ...credentials, scope: 'openid offline_access read_weather' };
  return (await post(issuer, 'token', form, { headers: basic(client) })).json as Record<string, string>;
}

function refresh(
  issuer: TestIssuer,
  client: ClientWithSecret,
  token: unknown,
  form: Record<string, string> = {},
): Promise<Answer> {
  const all = { grant_type: 'refresh_token', refresh_token: String(token), ...form };
  return post(issuer, 'token', all, { headers: basic(client) });
}

describeOnEveryStore('refresh tokens', ({ newDatabase }) => {
  let issuer: TestIssuer;
  let now = Date.now();
  const rotating = { refreshRotation: 'ROTATE', refreshLeewaySeconds: 30 } as const;

  const isActive = async (client: ClientWithSecret, token: unknown) =>
    (await post(issuer, 'introspect', { token: String(token) }, { headers: basic(client) })).json.active;

  beforeAll(async () => {
    issuer = await startTestIssuer({ ISSUER_DATABASE_URL: await newDatabase() }, () => now);
    await issuer.registries.users.add(person);
  });
  afterAll(() => issuer.close());

  it('are opaque, 43 characters long, and for the same client only', async () => {
    const [client, other] = [await addApp(issuer, {}), await addApp(issuer, {})];
    const { refresh_token } = await signIn(issuer, client);
    expect(refresh_token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect((await refresh(issuer, other, refresh_token)).json.error).toBe('invalid_grant');
    expect((await refresh(issuer, client, refresh_token)).status).toBe(200);
  });

  it('that are static stay, and give new tokens of the same sign-in', async () => {
    const client = await addApp(issuer, {});
    const first = await signIn(issuer, client);
    now += 60_000;
    const { json } = await refresh(issuer, client, first.refresh_token);
    expect(json.refresh_token).toBe(first.refresh_token);
    expect(json.access_token).not.toBe(first.access_token);
    const [before, after] = [decodeJwt(String(first.id_token)), decodeJwt(String(json.id_token))];
    expect([after.auth_time, after.sub]).toEqual([before.auth_time, before.sub]);
    expect(after.iat).toBeGreaterThan(before.iat ?? 0);
  });

  it('that rotate are accepted again within the leeway, by a client that lost the answer', async () => {
    const client = await addApp(issuer, rotating);
    const { refresh_token } = await signIn(issuer, client);
    const next = await refresh(issuer, client, refresh_token);
    expect(next.json.refresh_token).not.toBe(refresh_token);
    now += 29_000;
    const retried = await refresh(issuer, client, refresh_token);
    expect(retried.status).toBe(200);
    expect((await refresh(issuer, client, next.json.refresh_token)).status).toBe(200);
  });

  it('that are used after the leeway end the whole family, access tokens included', async () => {
    const client = await addApp(issuer, rotating);
    const first = await signIn(issuer, client);
    const next = await refresh(issuer, client, first.refresh_token);
    now += 31_000;
    expect((await refresh(issuer, client, first.refresh_token)).json.error).toBe('invalid_grant');
    expect((await refresh(issuer, client, next.json.refresh_token)).json.error).toBe('invalid_grant');
    expect(await isActive(client, first.access_token)).toBe(false);
    expect(await isActive(client, next.json.access_token)).toBe(false);
    expect(issuer.log.join('')).toContain('a refresh token was used again after it had been replaced');
  });

  it('give fewer scopes when asked, never more, and a refusal leaves them unused', async () => {
    const client = await addApp(issuer, { ...rotating, refreshLeewaySeconds: 0 });
    const { refresh_token } = await signIn(issuer, client);
    const more = await refresh(issuer, client, refresh_token, { scope: 'read_weather profile' });
    expect([more.status, more.json.error]).toEqual([400, 'invalid_scope']);
    const fewer = await refresh(issuer, client, refresh_token, { scope: 'read_weather' });
    expect(fewer.json.scope).toBe('read_weather');
    expect(fewer.json).not.toHaveProperty('id_token');
    const again = await refresh(issuer, client, fewer.json.refresh_token);
    expect(again.json.scope).toBe('openid offline_access read_weather');
  });

  it('end a week after their last use, and three months after the sign-in in any case', async () => {
    const client = await addApp(issuer, {});
    const [idle, busy] = [await signIn(issuer, client), await signIn(issuer, client)];
    for (let days = 0; days < 84; days += 6) {
      now += 6 * day;
      expect((await refresh(issuer, client, busy.refresh_token)).status).toBe(200);
    }
    expect((await refresh(issuer, client, idle.refresh_token)).json.error).toBe('invalid_grant');
    now += 6 * day + 1000;
    expect((await refresh(issuer, client, busy.refresh_token)).json.error).toBe('invalid_grant');
  });

  it.each(['', 'x'.repeat(43), 'eyJ.eyJ.sig', '\u00e4', 'x'.repeat(10_000)])(
    'that were never given are refused: %j',
    async (token) => {
      const client = await addApp(issuer, {});
      const { status, json } = await refresh(issuer, client, token);
      expect([status, json.error]).toEqual([400, token === '' ? 'invalid_request' : 'invalid_grant']);
    },
  );

  it('are not given to a client without the grant', async () => {
    const client = await addApp(issuer, { grants: ['password'] });
    expect(await signIn(issuer, client)).not.toHaveProperty('refresh_token');
  });
});

describe('two issuers on one database', () => {
  describeWithPostgres('PostgreSQL', (binaries) => {
    it('let one of fifty refreshes at once through', async () => {
      const server = await startPostgres(binaries);
      const databaseUrl = await server.newDatabase();
      const issuers = [
        await startTestIssuer({ ISSUER_DATABASE_URL: databaseUrl }),
        await startTestIssuer({ ISSUER_DATABASE_URL: databaseUrl }),
      ] as const;
      await issuers[0].registries.users.add(person);
      const client = await addApp(issuers[0], { refreshRotation: 'ROTATE', refreshLeewaySeconds: 0 });
      const { refresh_token } = await signIn(issuers[0], client);
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          refresh(issuers[index % 2 === 0 ? 0 : 1], client, refresh_token),
        ),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 400]));
      for (const issuer of issuers) await issuer.close();
      await server.close();
    });
  });
});
