import { generateKeyPairSync } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';

describeWithPostgres('a token as password', (binaries) => {
  const second = generateKeyPairSync('ed25519');
  let gateway: TestGateway;
  beforeAll(async () => {
    const pem = second.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    gateway = await startTestGateway(binaries, { PUBLIC_KEYS__2: pem });
    for (const role of ['alice,bob', 'Alice']) await gateway.admin.query(`create role "${role}" login`);
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

  const badTokens: readonly { what: string; make: () => string; cause: string; cockroach?: string }[] = [
    {
      what: 'is of another subject',
      cause: 'sub is not the user asked for',
      make: () => token({ sub: 'bob' }),
      cockroach: 'invalid principal',
    },
    {
      what: 'has a list of users as subject',
      cause: 'sub is not the user asked for',
      make: () => token({ sub: 'alice,bob' }),
      cockroach: 'invalid principal',
    },
    { what: 'has expired', cause: 'exp has passed', make: () => token({ exp: inSeconds(-100) }) },
    {
      what: 'is of an unknown key',
      cause: 'the signature is of none of the static keys',
      make: () => signToken({ sub: 'alice', exp: inSeconds(100) }, generateKeyPairSync('ed25519').privateKey),
    },
    {
      what: 'has claims that were not signed',
      cause: 'the signature is of none of the static keys',
      make: () => tampered(token()),
    },
    {
      what: 'has no signature',
      cause: 'not three segments of canonical base64url',
      make: () => token().replace(/[^.]*$/, ''),
    },
    {
      what: 'has no sub',
      cause: 'sub is not a non-empty string of at most 1024 characters',
      make: () => token({ sub: undefined }),
      cockroach: 'missing claim',
    },
    {
      what: 'has no exp',
      cause: 'exp is not a number',
      make: () => token({ exp: undefined }),
      cockroach: 'missing claim',
    },
    { what: 'is none', cause: 'not three segments of canonical base64url', make: () => 'bogus' },
  ];

  it('opens a session as the role that it names (16)', async () => {
    expect(await currentUser(token())).toBe('alice');
  });

  it.each([
    ['alice,bob', 'alice'],
    ['alice,bob', 'bob'],
    ['alice', 'alice,bob'],
    ['Alice', 'alice'],
    ['alice', 'Alice'],
    ['alice ', 'alice'],
    ['alice', 'alic'],
  ])('of %j does not open a session as %j (16)', async (sub, user) => {
    expect(await refusal(token({ sub }), { user })).toMatchObject({ code: '28P01' });
  });

  it('of a name with a comma in it opens a session as the role of that name (16)', async () => {
    expect(await currentUser(token({ sub: 'alice,bob' }), { user: 'alice,bob' })).toBe('alice,bob');
  });

  it('may be signed by any of several static keys, and may name one (17)', async () => {
    const claims = { sub: 'alice', exp: inSeconds(100) };
    expect(await currentUser(signToken(claims, second.privateKey))).toBe('alice');
    for (const kid of ['1', 'any'])
      expect(await currentUser(signToken(claims, second.privateKey, { kid }))).toBe('alice');
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

  it.each(badTokens)('that $what has its cause in the log (15)', async ({ make, cause }) => {
    const before = gateway.log.length;
    await refusal(make());
    await vi.waitFor(() => {
      const lines = gateway.log.slice(before).map((line) => JSON.parse(line) as { reason?: unknown });
      expect(lines.at(-1)?.reason).toBe(cause);
    });
  });

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

  it.each(['pg_monitor', 'pg_read_all_data', 'public', 'none', 'crdb_internal_x'])(
    'does not open a session as %s, which is reserved, without a policy (16)',
    async (user) => {
      const password = token({ sub: user });
      expect(await refusal(password, { user })).toEqual({
        severity: 'FATAL',
        code: '28P01',
        message: `password authentication failed for user "${user}"`,
      });
      expect(await refusal(password, { user, options: '--crdb:jwt_auth_enabled=true' })).toMatchObject({
        message: 'JWT authentication: invalid identity',
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
