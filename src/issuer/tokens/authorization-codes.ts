import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import type { Database, Store } from '../store/open-store.js';
import type { AuthorizationCodeRow } from '../store/schema.js';
import { revokeFamily } from './refresh-tokens.js';

/** What a person allowed, until the client comes for it. */
export interface CodeGrant {
  readonly clientId: string;
  readonly serverId: string;
  readonly userId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly nonce: string | null;
  /** S256 (RFC 7636); null where the client sent none. */
  readonly codeChallenge: string | null;
  /** In seconds since the epoch. */
  readonly authTime: number;
}

/** A client comes for its code at once. */
const lifeMs = 60_000;
/** A code that was used is kept for so long, so that a second use is recognised. */
const keptMs = 10 * 60_000;

/** Codes that are good for one use in all processes (RFC 6749 section 4.1.2). */
export class AuthorizationCodes {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async issue(grant: CodeGrant): Promise<string> {
    const code = randomBytes(32).toString('base64url');
    await this.#store.db
      .insertInto('authorization_codes')
      .values({
        digest: digestOf(code),
        client_id: grant.clientId,
        server_id: grant.serverId,
        user_id: grant.userId,
        redirect_uri: grant.redirectUri,
        scopes: grant.scopes,
        nonce: grant.nonce,
        code_challenge: grant.codeChallenge,
        auth_time: new Date(grant.authTime * 1000),
        expires_at: new Date(this.#clock() + keptMs),
      })
      .execute();
    return code;
  }

  /**
   * Takes the code of a client: of any number of takers one gets it. A second use revokes what the first one gave.
   *
   * @returns undefined when the code is not good
   */
  take(code: string, clientId: string): Promise<CodeGrant | undefined> {
    return this.#store.change(async (db) => {
      const row = await db
        .selectFrom('authorization_codes')
        .selectAll()
        .where('digest', '=', digestOf(code))
        .where('client_id', '=', clientId)
        .forUpdate()
        .executeTakeFirst();
      if (row === undefined) return undefined;
      if (row.used_at !== null) return this.#revokeGiven(db, row);
      await db
        .updateTable('authorization_codes')
        .set({ used_at: new Date(this.#clock()) })
        .where('digest', '=', row.digest)
        .execute();
      return this.#isTimely(row) ? toGrant(row) : undefined;
    });
  }

  /** Notes what a code gave. */
  async given(code: string, familyId: string | undefined, jti: string): Promise<void> {
    await this.#store.db
      .updateTable('authorization_codes')
      .set({ family_id: familyId ?? null, access_token_jti: jti })
      .where('digest', '=', digestOf(code))
      .execute();
  }

  #isTimely({ expires_at }: AuthorizationCodeRow): boolean {
    return this.#clock() < expires_at.getTime() - keptMs + lifeMs;
  }

  async #revokeGiven(db: Database, row: AuthorizationCodeRow): Promise<undefined> {
    if (row.family_id !== null) await revokeFamily(db, row.family_id, this.#clock);
    if (row.access_token_jti !== null)
      await db
        .updateTable('access_tokens')
        .set({ revoked_at: new Date(this.#clock()) })
        .where('jti', '=', row.access_token_jti)
        .where('revoked_at', 'is', null)
        .execute();
    return undefined;
  }
}

function toGrant(row: AuthorizationCodeRow): CodeGrant {
  return {
    clientId: row.client_id,
    serverId: row.server_id,
    userId: row.user_id,
    redirectUri: row.redirect_uri,
    scopes: row.scopes,
    nonce: row.nonce,
    codeChallenge: row.code_challenge,
    authTime: Math.floor(row.auth_time.getTime() / 1000),
  };
}

function digestOf(code: string): Uint8Array {
  return hash('sha256', code, 'buffer');
}
