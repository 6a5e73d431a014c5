import { sql } from 'kysely';
import type { Clock } from '../../base/clock.js';
import { gatherReads } from '../store/gathered-reads.js';
import { KnownReads } from '../store/known-reads.js';
import type { Store } from '../store/open-store.js';

export interface IssuedToken {
  readonly jti: string;
  readonly client_id: string;
  /** Null where the token is the program's own. */
  readonly user_id: string | null;
  /** Of the refresh tokens that it came with; null without. */
  readonly family_id: string | null;
  readonly expires_at: Date;
}

interface Waiting {
  readonly token: IssuedToken;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Rows in one statement at most. */
const maxBatch = 500;
/**
 * How long a row waits for others, in milliseconds: a statement costs the same for one row as for ten. Its token is being
 * signed meanwhile. Longer where others can be expected, as with PostgreSQL's commit_siblings and commit_delay.
 */
const lingerMs = { alone: 1, amongOthers: 3 };
const others = 4;

/** Every access token that was issued here and whose time is not over, by `jti`. */
export class IssuedTokens {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #live: KnownReads<true>;
  readonly #read: (jti: string) => Promise<true | undefined>;
  #waiting: Waiting[] = [];
  #writing = false;
  #lastBatch = 0;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    // A token that another process revoked is inactive here at once.
    this.#live = new KnownReads(store, clock, 0);
    this.#read = gatherReads((jtis) => this.#readLive(jtis));
  }

  /** Resolves when the database has it. Those that come within some milliseconds, or while it writes, share a statement. */
  add(token: IssuedToken): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ token, resolve, reject });
      if (this.#writing) return;
      this.#writing = true;
      setTimeout(() => void this.#write(), this.#lastBatch > others ? lingerMs.amongOthers : lingerMs.alone);
    });
  }

  /** Whether it was issued here, neither it nor its family was revoked, and its client and user are there and enabled. */
  async isLive(jti: string): Promise<boolean> {
    return (await this.#live.get(jti, () => this.#read(jti))) ?? false;
  }

  /** Revoking twice is no error (RFC 7009 section 2.2). */
  async revoke(jti: string): Promise<void> {
    await this.#store.change((db) =>
      db
        .updateTable('access_tokens')
        .set({ revoked_at: new Date(this.#clock()) })
        .where('jti', '=', jti)
        .where('revoked_at', 'is', null)
        .execute(),
    );
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) await this.#writeBatch(this.#waiting.splice(0, maxBatch));
    this.#writing = false;
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    this.#lastBatch = batch.length;
    try {
      const column = (value: (token: IssuedToken) => string | null) => batch.map(({ token }) => value(token));
      // One text for any number of rows: nothing has to be compiled anew.
      await sql`insert into access_tokens (jti, client_id, user_id, family_id, expires_at) select * from unnest(
        ${column(({ jti }) => jti)}::text[], ${column(({ client_id }) => client_id)}::text[],
        ${column(({ user_id }) => user_id)}::text[], ${column(({ family_id }) => family_id)}::text[],
        ${column(({ expires_at }) => expires_at.toISOString())}::timestamptz[]
      )`.execute(this.#store.db);
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #readLive(jtis: readonly string[]): Promise<Map<string, true>> {
    const rows = await this.#store.db
      .selectFrom('access_tokens')
      .innerJoin('clients', 'clients.id', 'access_tokens.client_id')
      .leftJoin('users', 'users.id', 'access_tokens.user_id')
      .leftJoin('refresh_families', 'refresh_families.id', 'access_tokens.family_id')
      .select('access_tokens.jti')
      // One text for any number: nothing has to be compiled anew.
      .where('access_tokens.jti', '=', sql<string>`any(${jtis}::text[])`)
      .where('access_tokens.revoked_at', 'is', null)
      // A token whose row came after its family had been revoked.
      .where('refresh_families.revoked_at', 'is', null)
      .where('clients.disabled_at', 'is', null)
      .where((expression) =>
        expression.or([
          expression('access_tokens.user_id', 'is', null),
          expression.and([
            expression('users.id', 'is not', null),
            expression('users.disabled_at', 'is', null),
          ]),
        ]),
      )
      .execute();
    return new Map(rows.map(({ jti }) => [jti, true]));
  }
}
