import { generateKeyPairSync } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';

describeWithPostgres('a token as password', (binaries) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(binaries);
  });
  afterAll(() => gateway.close());

  const token = (claims: object = {}): string =>
    signToken({ sub: 'alice', exp: inSeconds(100), ...claims }, gateway.privateKey);

  async function currentUser(password: string, config: pg.ClientConfig = {}): Promise<unknown> {
    const client = clientOf(gateway, password, config);
    await client.connect();
    try {
      return (await client.query<{ current_user: string }>('select current_user')).rows[0]?.current_user;
    } finally {
      await client.end();
    }
  }

  async function refusal(password: string, config: pg.ClientConfig = {}): Promise<object> {
    try {
      await currentUser(password, config);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      const { severity, code, message } = error;
      return { severity, code, message };
    }
    throw new Error('the client was let in');
  }

  const tampered = (value: string): string => {
    const [header, , signature] = value.split('.');
    const claims = { sub: 'alice', exp: inSeconds(1000) };
    return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
  };

  const badTokens: readonly { what: string; make: () => string; cockroach?: string }[] = [
    { what: 'is of another subject', make: () => token({ sub: 'bob' }), cockroach: 'invalid principal' },
    {
      what: 'has a list of users as subject',
      make: () => token({ sub: 'alice,bob' }),
      cockroach: 'invalid principal',
    },
    { what: 'has expired', make: () => token({ exp: inSeconds(-100) }) },
    {
      what: 'is of an unknown key',
      make: () => signToken({ sub: 'alice', exp: inSeconds(100) }, generateKeyPairSync('ed25519').privateKey),
    },
    { what: 'has claims that were not signed', make: () => tampered(token()) },
    { what: 'has no signature', make: () => token().replace(/[^.]*$/, '') },
    { what: 'has no sub', make: () => token({ sub: undefined }), cockroach: 'missing claim' },
    { what: 'has no exp', make: () => token({ exp: undefined }), cockroach: 'missing claim' },
    { what: 'is none', make: () => 'bogus' },
  ];

  it('opens a session as the role that it names (16)', async () => {
    expect(await currentUser(token())).toBe('alice');
  });

  it.each([20_000, 44_000])('may carry a claim of %d characters (14)', async (length) => {
    expect(await currentUser(token({ pad: 'x'.repeat(length) }))).toBe('alice');
  });

  it.each(badTokens)(
    'that $what is refused in the one text that PostgreSQL has for all causes (15)',
    async ({ make }) => {
      expect(await refusal(make())).toEqual({
        severity: 'FATAL',
        code: '28P01',
        message: 'password authentication failed for user "alice"',
      });
    },
  );

  it.each(badTokens)(
    "that $what is refused in CockroachDB's words where they are asked for (15)",
    async ({ make, cockroach }) => {
      expect(await refusal(make(), { options: '--crdb:jwt_auth_enabled=true' })).toEqual({
        severity: 'ERROR',
        code: '28000',
        message: `JWT authentication: ${cockroach ?? 'invalid token'}`,
      });
    },
  );

  const spellings = [
    '--crdb:jwt_auth_enabled=true',
    '-c crdb:jwt_auth_enabled=true',
    '-ccrdb:jwt_auth_enabled=true',
    '--crdb:jwt-auth-enabled=true',
    '--crdb:jwt_auth_\\enabled=true',
  ];

  it.each(spellings)(
    "CockroachDB's option is understood as %s, and kept from the server (11)",
    async (options) => {
      expect(await refusal('bogus', { options })).toMatchObject({ code: '28000' });
      expect(await currentUser(token(), { options })).toBe('alice');
    },
  );

  it('is not asked for without TLS (13)', async () => {
    const password = (): never => {
      throw new Error('a password was asked for');
    };
    const client = new pg.Client({ ...addressOf(gateway), password, ssl: false });
    await expect(client.connect()).rejects.toMatchObject({
      severity: 'FATAL',
      code: '28000',
      message: 'this server requires TLS: a token must not travel in plain text',
    });
  });

  it('does not open a session as a superuser without a policy (16)', async () => {
    expect(await refusal(token({ sub: 'issuer' }), { user: 'issuer' })).toEqual({
      severity: 'FATAL',
      code: '28000',
      message: 'this role is a superuser, and no policy says who may use it',
    });
  });

  it.each(['-c role=alice', '-c Session-Authorization=alice', '--role=alice'])(
    'does not open one as a superuser who begins as somebody else by %s (16)',
    async (options) => {
      expect(await refusal(token({ sub: 'issuer' }), { user: 'issuer', options })).toEqual({
        severity: 'FATAL',
        code: '28P01',
        message: 'password authentication failed for user "issuer"',
      });
    },
  );

  it('is in no line of the log, whatever becomes of it', async () => {
    const good = token();
    const bad = tampered(good);
    await currentUser(good);
    await refusal(bad);
    const text = await vi.waitFor(() => {
      const lines = gateway.log.join('');
      expect(lines).toContain('the signature is of none of the static keys');
      return lines;
    });
    for (const value of [good, bad])
      for (const part of value.split('.').slice(1)) expect(text).not.toContain(part);
  });
});

function addressOf({ port, database }: TestGateway): pg.ClientConfig {
  return { host: 'localhost', port, database, user: 'alice' };
}
