import type { Clock } from '../../base/clock.js';
import type { Database } from '../store/open-store.js';
import type { AccessTokenClaims } from './access-tokens.js';

/** Access tokens that ended before their time, by `jti`: one token can be spelled in more than one way. */
export class Revocations {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Revoking twice is no error (RFC 7009 section 2.2). */
  async revoke({ jti, exp }: AccessTokenClaims): Promise<void> {
    await this.#db
      .insertInto('revocations')
      .values({ jti, expires_at: new Date(exp * 1000) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  /** Whether the token was not revoked, and its client is still there and enabled: one query for both. */
  async isLive({ jti, cid }: AccessTokenClaims): Promise<boolean> {
    const row = await this.#db
      .selectFrom('clients')
      .select('id')
      .where('id', '=', cid)
      .where('disabled_at', 'is', null)
      .where((expression) =>
        expression.not(
          expression.exists(expression.selectFrom('revocations').select('jti').where('jti', '=', jti)),
        ),
      )
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Forgets revocations of tokens whose time is over anyway. */
  async sweep(): Promise<void> {
    await this.#db.deleteFrom('revocations').where('expires_at', '<', new Date(this.#clock())).execute();
  }
}
