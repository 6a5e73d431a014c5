import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { openStore } from '../../src/issuer/store/open-store.js';
import { basic, post, send, startTestIssuer, tokenFor } from '../issuer/support/issuer.js';
import type { Answer } from '../issuer/support/issuer.js';
import { describeWithPostgres, startPostgres } from '../support/postgres.js';
import type { PostgresServer } from '../support/postgres.js';
import { startDatabaseGate } from './support/database-gate.js';

const grant = { grant_type: 'client_credentials', scope: 'read_sayhello' };

describeWithPostgres('an issuer whose PostgreSQL fails', (binaries) => {
  let postgres: PostgresServer;

  beforeAll(async () => {
    postgres = await startPostgres(binaries);
  });

  afterAll(() => postgres.close());

  /** An issuer with a client and tokens of it. */
  async function issuerOn(databaseUrl: string) {
    const issuer = await startTestIssuer({ ISSUER_DATABASE_URL: databaseUrl });
    onTestFinished(() => issuer.close());
    const client = await issuer.registry.add({ name: 'greeter', scopes: ['read_sayhello'] });
    const [live, revoked, doomed] = [
      await tokenFor(issuer, client, 'read_sayhello'),
      await tokenFor(issuer, client, 'read_sayhello'),
      await tokenFor(issuer, client, 'read_sayhello'),
    ];
    await post(issuer, 'revoke', { token: revoked }, { headers: basic(client) });
    return { issuer, client, live, revoked, doomed };
  }

  type Running = Awaited<ReturnType<typeof issuerOn>>;

  /** Requests whose answer needs the database, all at once. */
  function ask({ issuer, client, live, revoked, doomed }: Running): Promise<Answer[]> {
    const headers = basic(client);
    return Promise.all([
      post(issuer, 'token', grant, { headers }),
      ...[live, revoked, 'nonsense'].map((token) => post(issuer, 'introspect', { token }, { headers })),
      post(issuer, 'revoke', { token: doomed }, { headers }),
      // The keys of a server that has not been read yet.
      send(`${issuer.origin}/oauth2/v1/keys`),
    ]);
  }

  function expectUnavailable(answers: readonly Answer[]): void {
    for (const { status, headers, json } of answers) {
      expect([status, headers.get('retry-after')]).toEqual([503, '1']);
      expect(json).toEqual({
        error: 'temporarily_unavailable',
        error_description: 'The database does not answer; try again.',
      });
    }
  }

  async function expectAllWell(running: Running): Promise<void> {
    const { issuer, client, live, revoked } = running;
    const headers = basic(client);
    const isActive = async (token: string) =>
      (await post(issuer, 'introspect', { token }, { headers })).json.active;
    const young = await tokenFor(issuer, client, 'read_sayhello');
    expect([await isActive(young), await isActive(live), await isActive(revoked)]).toEqual([
      true,
      true,
      false,
    ]);
    expect((await post(issuer, 'revoke', { token: young }, { headers })).status).toBe(200);
    expect(await isActive(young)).toBe(false);
    expect((await send(`${issuer.origin}/oauth2/v1/keys`)).json.keys).toHaveLength(2);
  }

  const readiness = ({ issuer }: Running) => send(`http://127.0.0.1:${issuer.managementPort}/health/ready`);

  it('answers 503 while it is gone and tells no state of any token, and works when it is back', async () => {
    const running = await issuerOn(await postgres.newDatabase());
    await postgres.kill();
    expectUnavailable(await ask(running));
    const ready = await readiness(running);
    expect([ready.status, ready.json]).toMatchObject([
      503,
      { status: 'not_ready', checks: [{ name: 'database', status: 'down' }] },
    ]);
    await postgres.restart();
    await expectAllWell(running);
  });

  it('gives every request under way an answer when it dies: the true one, or 503', async () => {
    const running = await issuerOn(await postgres.newDatabase());
    let isOver = false;
    const client = async (): Promise<Answer[][]> => {
      const rounds: Answer[][] = [];
      while (!isOver) rounds.push(await ask(running));
      return rounds;
    };
    const load = Promise.all(Array.from({ length: 8 }, client));
    // Under full load, in the midst of statements.
    await ask(running);
    await postgres.kill();
    const answers = await ask(running);
    isOver = true;
    // Keys need the database only where their server was not read a moment ago; then they are the true ones.
    const keys = answers.pop();
    expectUnavailable(answers);
    if (keys?.status !== 503) expect(keys?.json.keys).toHaveLength(2);
    const rounds = (await load).flat();
    expect(rounds.length).toBeGreaterThan(8);
    for (const [token, live, revoked, nonsense] of rounds) {
      if (token?.status !== 503) expect(token?.json.token_type).toBe('Bearer');
      if (live?.status !== 503) expect(live?.json.active).toBe(true);
      if (revoked?.status !== 503) expect(revoked?.text).toBe('{"active":false}');
      if (nonsense?.status !== 503) expect(nonsense?.text).toBe('{"active":false}');
    }
    expectUnavailable(rounds.flat().filter(({ status }) => status !== 200));
    await postgres.restart();
    await expectAllWell(running);
  });

  it('gives up connections that fall silent, and works by new ones when it can be reached again', async () => {
    const gate = await startDatabaseGate(await postgres.newDatabase());
    const running = await issuerOn(gate.url);
    onTestFinished(() => gate.close());
    await ask(running);
    gate.fallSilent();
    const [answers, ready] = await Promise.all([ask(running), readiness(running)]);
    expectUnavailable(answers);
    expect(ready.json).toMatchObject({
      status: 'not_ready',
      checks: [{ reason: 'no answer within 2500 ms' }],
    });
    gate.openAgain();
    await expectAllWell(running);
  });

  it('answers 503 when its statements take too long, and goes on afterwards', async () => {
    const url = await postgres.newDatabase();
    const running = await issuerOn(url);
    const other = await openStore(url);
    onTestFinished(() => other.close());
    await other.db.transaction().execute(async (transaction) => {
      await sql`lock table clients, authorization_servers in access exclusive mode`.execute(transaction);
      expectUnavailable(await ask(running));
    });
    await expectAllWell(running);
  });
});
