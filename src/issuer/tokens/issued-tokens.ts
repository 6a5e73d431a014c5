import type { Clock } from '../../base/clock.js';
import { KnownReads } from '../store/known-reads.js';
import type { Store } from '../store/open-store.js';
import type { IssuerSchema } from '../store/schema.js';
import type { Insertable } from 'kysely';

type IssuedToken = Insertable<IssuerSchema['access_tokens']>;

interface Waiting {
  readonly token: IssuedToken;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Rows in one statement at most. */
const maxBatch = 500;

/** Every access token that was issued here and whose time is not over, by `jti`. */
export class IssuedTokens {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #live: KnownReads<boolean>;
  #waiting: Waiting[] = [];
  #writing = false;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    // A token that another process revoked is inactive here at once.
    this.#live = new KnownReads(store, clock, 0);
  }

  /** Resolves when the database has it. Those that come while a statement is under way share the next one. */
  add(token: IssuedToken): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ token, resolve, reject });
      if (!this.#writing) void this.#write();
    });
  }

  /** Whether the token was issued here, not revoked, and its client and user are still there and enabled. */
  async isLive(jti: string): Promise<boolean> {
    return (await this.#live.get(jti, () => this.#readLive(jti))) ?? false;
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
    this.#writing = true;
    while (this.#waiting.length > 0) await this.#writeBatch(this.#waiting.splice(0, maxBatch));
    this.#writing = false;
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.#store.db
        .insertInto('access_tokens')
        .values(batch.map(({ token }) => token))
        .execute();
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #readLive(jti: string): Promise<boolean | undefined> {
    const row = await this.#store.db
      .selectFrom('access_tokens')
      .innerJoin('clients', 'clients.id', 'access_tokens.client_id')
      .leftJoin('users', 'users.id', 'access_tokens.user_id')
      .select('access_tokens.jti')
      .where('access_tokens.jti', '=', jti)
      .where('access_tokens.revoked_at', 'is', null)
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
      .executeTakeFirst();
    return row !== undefined;
  }
}
