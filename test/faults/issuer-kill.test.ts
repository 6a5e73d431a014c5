import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ClientRegistry } from '../../src/issuer/clients/client-registry.js';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { Peppers } from '../../src/issuer/peppers.js';
import { basic, send, testPepper } from '../issuer/support/issuer.js';
import type { Answer } from '../issuer/support/issuer.js';
import { listeningIssuer } from '../issuer/support/issuer-process.js';
import type { IssuerProcess } from '../issuer/support/issuer-process.js';
import { withStore } from '../issuer/support/servers.js';
import { describeWithPostgres, startPostgres } from '../support/postgres.js';
import type { PostgresServer } from '../support/postgres.js';
import { sharedDatabase } from './support/shared-database.js';
import type { SharedDatabase } from './support/shared-database.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Answers before one process is killed, and after. */
const answersUntilKill = 300;
const answersInAll = 900;

type Path = 'token' | 'introspect' | 'revoke';

function ask(
  { origin }: IssuerProcess,
  client: ClientWithSecret,
  path: Path,
  form: Record<string, string>,
): Promise<Answer> {
  const body = new URLSearchParams(form);
  return send(`${origin}/oauth2/default/v1/${path}`, { method: 'POST', headers: basic(client), body });
}

const refresh = (at: IssuerProcess, client: ClientWithSecret, refresh_token: string) =>
  ask(at, client, 'token', { grant_type: 'refresh_token', refresh_token });

/** What clients of two issuers lived through while one of them was killed. */
class Load {
  readonly #issuers: readonly IssuerProcess[];
  readonly #database: SharedDatabase;
  #turn = 0;
  #answers = 0;
  /** Requests that were under way when their issuer was killed. */
  cutShort = 0;
  /** Refresh tokens by how many new tokens each of them was answered with. */
  readonly refreshed = new Map<string, number>();
  /** Access tokens that were issued and left alone. */
  readonly kept: string[] = [];
  /** Tokens whose revocation was answered with 200. */
  readonly revoked: string[] = [];
  /** Refresh tokens whose revocation was answered with 200; their access tokens are among the revoked. */
  readonly ended: string[] = [];
  readonly unexpected: string[] = [];

  constructor(issuers: readonly IssuerProcess[], database: SharedDatabase) {
    this.#issuers = issuers;
    this.#database = database;
  }

  get isAtKill(): boolean {
    return this.#answers >= answersUntilKill;
  }

  #isOver(): boolean {
    return this.#answers >= answersInAll;
  }

  /** One sign-in after the other, each refreshed until its refresh token is refused. */
  async refreshing(): Promise<void> {
    while (!this.#isOver()) {
      let token: string | undefined = await this.#database.signIn();
      while (token !== undefined) token = this.#isOver() ? undefined : await this.#refreshOnce(token);
    }
  }

  /** Tokens, every other of them revoked. */
  async revoking(): Promise<void> {
    while (!this.#isOver()) {
      const kept = await this.#issue();
      if (kept !== undefined) this.kept.push(kept);
      const token = await this.#issue();
      if (token === undefined) continue;
      if ((await this.#ask('revoke', { token })).status === 200) this.revoked.push(token);
    }
  }

  /** Sign-ins that end with the revocation of their refresh token. */
  async signingOut(): Promise<void> {
    while (!this.#isOver()) {
      const first = await this.#database.signIn();
      const { status, json } = await this.#ask('token', {
        grant_type: 'refresh_token',
        refresh_token: first,
      });
      if (status !== 200) continue;
      const last = String(json.refresh_token);
      if ((await this.#ask('revoke', { token: last })).status !== 200) continue;
      this.ended.push(last);
      this.revoked.push(String(json.access_token));
    }
  }

  /** @returns the token to go on with; undefined when this one is good for nothing any more */
  async #refreshOnce(token: string): Promise<string | undefined> {
    const { status, json } = await this.#ask('token', { grant_type: 'refresh_token', refresh_token: token });
    // Nobody told whether it was used: it is sent again, as a client would.
    if (status === 0) return token;
    if (status !== 200) return undefined;
    this.refreshed.set(token, (this.refreshed.get(token) ?? 0) + 1);
    return String(json.refresh_token);
  }

  async #issue(): Promise<string | undefined> {
    const { status, json } = await this.#ask('token', { grant_type: 'client_credentials', scope: 'read' });
    return status === 200 ? String(json.access_token) : undefined;
  }

  /** The issuers take turns. @returns status 0 when there was no answer */
  async #ask(path: Path, form: Record<string, string>): Promise<Pick<Answer, 'status' | 'json'>> {
    const issuer = this.#issuers[this.#turn++ % this.#issuers.length];
    if (issuer === undefined) throw new Error('there is no issuer');
    try {
      const answer = await ask(issuer, this.#database.client, path, form);
      this.#answers++;
      const isRefused = answer.status === 400 && answer.json.error === 'invalid_grant';
      if (answer.status !== 200 && !isRefused) this.unexpected.push(`${answer.status} ${answer.text}`);
      return answer;
    } catch (error) {
      const { code } = (error as { cause: { code?: string } }).cause;
      if (code !== 'ECONNREFUSED') this.cutShort++;
      return { status: 0, json: {} };
    }
  }
}

describeWithPostgres('two issuer processes on one PostgreSQL', (binaries) => {
  let postgres: PostgresServer;

  beforeAll(async () => {
    postgres = await startPostgres(binaries);
  });

  afterAll(() => postgres.close());

  async function twoIssuers() {
    const url = await postgres.newDatabase();
    const shared = await sharedDatabase(url);
    const [first, second] = await Promise.all([listeningIssuer(url), listeningIssuer(url)]);
    return { shared, first, second };
  }

  it('give one of 50 uses of a refresh token new tokens, and revoke what came of it', async () => {
    const { shared, first, second } = await twoIssuers();
    const { client } = shared;
    for (let sign = 0; sign < 3; sign++) {
      const token = await shared.signIn();
      const uses = Array.from({ length: 50 }, (_, n) => refresh(n % 2 === 0 ? first : second, client, token));
      const answers = await Promise.all(uses);
      const winners = answers.filter(({ status }) => status === 200);
      const refused = answers.filter(({ status, json }) => status === 400 && json.error === 'invalid_grant');
      expect([winners.length, refused.length]).toEqual([1, 49]);
      // The other uses looked like a theft.
      for (const issuer of [first, second]) {
        const won = winners[0]?.json ?? {};
        const introspected = await ask(issuer, client, 'introspect', { token: String(won.access_token) });
        expect(introspected.text).toBe('{"active":false}');
        expect((await refresh(issuer, client, String(won.refresh_token))).status).toBe(400);
      }
    }
  });

  it('use no refresh token twice and lose no revocation and no token, when one of them is killed under load', async () => {
    const { shared, first, second } = await twoIssuers();
    const load = new Load([first, second], shared);
    const clients = [1, 2, 3, 4].flatMap(() => [load.refreshing(), load.revoking(), load.signingOut()]);
    const kill = (async () => {
      while (!load.isAtKill) await ask(second, shared.client, 'introspect', { token: 'nonsense' });
      first.process.kill('SIGKILL');
      expect(await first.ended).toBe('SIGKILL');
    })();
    await Promise.all([...clients, kill]);
    // There was something to lose.
    expect(load.cutShort).toBeGreaterThan(0);
    expect(load.unexpected).toEqual([]);
    for (const count of [load.refreshed.size, load.kept.length, load.revoked.length, load.ended.length])
      expect(count).toBeGreaterThan(30);
    expect([...load.refreshed.values()].filter((times) => times !== 1)).toEqual([]);
    await expectOneSuccessorEach(shared);
    for (const token of load.revoked)
      expect((await ask(second, shared.client, 'introspect', { token })).text).toBe('{"active":false}');
    for (const token of load.ended) expect((await refresh(second, shared.client, token)).status).toBe(400);
    for (const token of load.kept)
      expect((await ask(second, shared.client, 'introspect', { token })).json.active).toBe(true);
  });

  /** Also where the answer with the new token was lost: each family has one token more than were rotated. */
  async function expectOneSuccessorEach({ db }: SharedDatabase): Promise<void> {
    const families = await db
      .selectFrom('refresh_tokens')
      .select(['family_id', sql<number>`count(*) filter (where rotated_at is null)::int`.as('unused')])
      .groupBy('family_id')
      .execute();
    expect(families.length).toBeGreaterThan(0);
    expect(families.filter(({ unused }) => unused !== 1)).toEqual([]);
  }
});

describe('an issuer process on an embedded database', () => {
  it('knows after a kill every token and every revocation that it had answered for', async () => {
    const folder = temporaryFolder();
    onTestFinished(folder.remove);
    const url = `pglite:${folder.path}`;
    const client = await withStore(url, (store) =>
      new ClientRegistry(store, new Peppers([testPepper])).add({ name: 'greeter', scopes: ['read'] }),
    );
    const killed = await listeningIssuer(url);
    const grant = { grant_type: 'client_credentials', scope: 'read' };
    const issued = await Promise.all(Array.from({ length: 40 }, () => ask(killed, client, 'token', grant)));
    const [kept, revoked] = [issued.slice(0, 20), issued.slice(20)].map((answers) =>
      answers.map(({ json }) => String(json.access_token)),
    ) as [string[], string[]];
    await Promise.all(revoked.map((token) => ask(killed, client, 'revoke', { token })));
    killed.process.kill('SIGKILL');
    await killed.ended;
    const next = await listeningIssuer(url);
    const states = (tokens: readonly string[]) =>
      Promise.all(
        tokens.map(async (token) => (await ask(next, client, 'introspect', { token })).json.active),
      );
    expect(new Set(await states(kept))).toEqual(new Set([true]));
    expect(new Set(await states(revoked))).toEqual(new Set([false]));
  });
});
