import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { passwordMessage, startupMessage } from '../../src/gateway/wire/frontend-writers.js';
import { bundlesOf } from '../../scripts/lib/policies.mjs';
import { describeWithOpa, startOpaServer } from '../support/opa.js';
import type { OpaServer } from '../support/opa.js';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { encryptedClient } from './support/raw-session.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const token = ({ privateKey }: TestGateway, claims: object): string =>
  signToken({ sub: 'somebody', exp: inSeconds(100), ...claims }, privateKey);

async function currentUser(client: pg.Client): Promise<unknown> {
  await client.connect();
  try {
    return (await client.query<{ current_user: string }>('select current_user')).rows[0]?.current_user;
  } finally {
    await client.end();
  }
}

/** What the record of the login that was refused last says. */
const refusalRecord = ({ log }: TestGateway): unknown =>
  log
    .map((line) => JSON.parse(line) as { outcome?: string; reason?: string })
    .findLast(({ outcome }) => outcome !== undefined);

const shippedBundles = bundlesOf();

/** The shipped policy decides the same for a gateway, whichever engine runs it. */
function describeShippedPolicy(
  binaries: string,
  engine: {
    readonly environment: () => Promise<Record<string, string>>;
    readonly close: () => Promise<void>;
  },
): void {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(binaries, await engine.environment());
    for (const statement of ['create database demo', 'create role reader login', 'create role writer login'])
      await gateway.admin.query(statement);
  });
  afterAll(async () => {
    await gateway.close();
    await engine.close();
  });

  const client = (claims: object, config: pg.ClientConfig): pg.Client =>
    clientOf(gateway, token(gateway, claims), { database: 'demo', ...config });

  it('opens the user whose scope the token has, who is the role', async () => {
    expect(await currentUser(client({ scp: ['read_sayhello'] }, { user: 'reader' }))).toBe('reader');
  });

  it('gives a person the role that the policy names (16)', async () => {
    expect(await currentUser(client({ sub: 'roach' }, { user: 'roach' }))).toBe('reader');
  });

  it.each([
    ['without the scope', { user: 'writer' }, 'the token does not open this user'],
    ['as a user of no database', { user: 'somebody' }, 'no rule opens this database to this user'],
    [
      'to a database that has no such user',
      { user: 'reader', database: 'postgres' },
      'no rule opens this database to this user',
    ],
  ])('lets nobody in %s', async (_, config, reason) => {
    await expect(client({ scp: ['read_sayhello'] }, config).connect()).rejects.toMatchObject({
      code: '28P01',
      message: `password authentication failed for user "${config.user}"`,
    });
    expect(refusalRecord(gateway)).toMatchObject({ outcome: 'denied', reason });
  });

  /** As a parameter of its own, in another case, and in the spellings of `options`. */
  const settings: readonly (readonly [string, string, Record<string, string>])[] = [
    ['replication', 'as a parameter', { replication: 'database' }],
    ['role', 'as a parameter', { role: 'writer' }],
    ['role', 'in options', { options: '-c role=writer' }],
    ['role', 'in options, behind a flag', { options: '-ec ROLE=writer' }],
    ['session_authorization', 'as a parameter', { Session_Authorization: 'writer' }],
    ['session_authorization', 'in options', { options: '--session-authorization=writer' }],
    ['search_path', 'as a parameter', { search_path: 'elsewhere' }],
    ['search_path', 'in options', { options: String.raw`-c\search\_path=elsewhere` }],
    ['search_path', 'in options', { options: '-csearch_path=elsewhere' }],
  ];

  it.each(settings)('lets nobody in with %s %s (12)', async (name, _, parameters) => {
    const client = await encryptedClient(gateway);
    const login = { user: 'reader', database: 'demo', ...parameters };
    client.socket.write(startupMessage(Object.entries(login)));
    await client.readUntil('R');
    client.socket.write(passwordMessage(token(gateway, { scp: ['read_sayhello'] })));
    const [refusal] = await client.readUntil('Z');
    expect(refusal?.body.toString()).toContain('C28P01');
    expect(refusalRecord(gateway)).toMatchObject({
      outcome: 'denied',
      reason: `settings that a session must not start with: ${name}`,
    });
  });

  it('lets in with settings that the policy has nothing against (12)', async () => {
    const login = client(
      { scp: ['read_sayhello'] },
      { user: 'reader', options: '-c statement_timeout=1min' },
    );
    expect(await currentUser(login)).toBe('reader');
  });

  it("says so in CockroachDB's words where they are asked for (15)", async () => {
    const login = client({ scp: [] }, { user: 'writer', options: '--crdb:jwt_auth_enabled=true' });
    await expect(login.connect()).rejects.toMatchObject({
      code: '28000',
      message: 'JWT authentication: invalid identity',
    });
  });
}

describeWithPostgres('the shipped policy for logins', (binaries) => {
  describe('embedded', () => {
    describeShippedPolicy(binaries, {
      environment: () =>
        Promise.resolve({
          GATEWAY_OPA_URL: 'http://localhost:8181/v1/data/demoapi/sql/decision',
          GATEWAY_OPA_MODE: 'embedded',
          OPA_BUNDLE: shippedBundles.wasm,
        }),
      close: () => Promise.resolve(),
    });
  });

  describeWithOpa('beside it', (binary) => {
    let opa: OpaServer;
    describeShippedPolicy(binaries, {
      environment: async () => {
        opa = await startOpaServer(binary, '--bundle', shippedBundles.rego);
        return { GATEWAY_OPA_URL: `${opa.origin}/v1/data/demoapi/sql/decision` };
      },
      close: () => opa.close(),
    });
  });

  describeWithOpa('a policy of one`s own', (binary) => {
    const folder = temporaryFolder();
    let opa: OpaServer;
    let gateway: TestGateway;
    beforeAll(async () => {
      const file = join(folder.path, 'own.rego');
      writeFileSync(
        file,
        `package own
decision := {"allow": true, "role": "issuer"} if input.user == "root"
decision := input.principal.sub == "alice" if input.user == "alice"
decision := "yes" if input.user == "nonsense"
decision := {"allow": "true"} if input.user == "text"
`,
      );
      opa = await startOpaServer(binary, file);
      gateway = await startTestGateway(binaries, { GATEWAY_OPA_URL: `${opa.origin}/v1/data/own/decision` });
    });
    afterAll(async () => {
      await gateway.close();
      await opa.close();
      folder.remove();
    });

    const client = (user: string, sub = user): pg.Client =>
      clientOf(gateway, token(gateway, { sub }), { user });

    it('is missed at the start already when its path is misspelt', async () => {
      const misspelt = { GATEWAY_OPA_URL: `${opa.origin}/v1/data/own/decison` };
      const other = await startTestGateway(binaries, misspelt);
      onTestFinished(() => other.close());
      await vi.waitFor(() => {
        expect(other.log.join('')).toContain('GATEWAY_OPA_URL: no decision yet, and no login without: ');
      });
    });

    it('may answer with a boolean: the user is the role', async () => {
      expect(await currentUser(client('alice'))).toBe('alice');
      await expect(client('alice', 'bob').connect()).rejects.toMatchObject({ code: '28P01' });
    });

    it('may name a superuser as role, which nothing else can (16)', async () => {
      expect(await currentUser(client('root'))).toBe('issuer');
    });

    it.each(['nonsense', 'text', 'undefined'])(
      'lets nobody in by an answer that is no decision: %s',
      async (user) => {
        await expect(client(user).connect()).rejects.toMatchObject({ code: '28P01' });
        expect(refusalRecord(gateway)).toMatchObject({ outcome: 'authorization_unavailable' });
      },
    );

    // The last of these tests: this OPA does not come back.
    it('lets nobody in when OPA is away; readiness says so', async () => {
      expect(await currentUser(client('alice'))).toBe('alice');
      await opa.close();
      await expect(client('alice').connect()).rejects.toMatchObject({ code: '28P01' });
      expect(refusalRecord(gateway)).toMatchObject({ outcome: 'authorization_unavailable' });
      await vi.waitFor(async () => {
        const { status } = await fetch(`http://127.0.0.1:${gateway.managementPort}/health/ready`);
        expect(status).toBe(503);
      });
    });
  });
});
