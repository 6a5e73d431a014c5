import { hash, randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
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

/** What the client got for a code. */
export interface GivenByCode {
  /** Of the refresh token, where there is one. */
  readonly familyId: string | undefined;
  /** Of the access token; undefined while it is being made. */
  readonly jti: string | undefined;
}

/** A client comes for its code at once. */
const lifeMs = 60_000;
/** A code that was used is kept for so long, so that a second use is recognised. */
const keptMs = 10 * 60_000;

/** Codes that are good for one use in all processes (RFC 6749 section 4.1.2). */
export class AuthorizationCodes {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(store: Store, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
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
   * Takes the code of a client: of any number of takers, in any number of processes, one gets it. A second use revokes
   * what the first one gave (RFC 6749 section 4.1.2).
   *
   * @returns undefined when the code is not good
   */
  async take(code: string, clientId: string): Promise<CodeGrant | undefined> {
    const row = await this.#store.db
      .updateTable('authorization_codes')
      .set({ used_at: new Date(this.#clock()) })
      .where('digest', '=', digestOf(code))
      .where('client_id', '=', clientId)
      .where('used_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) await this.#takeAgain(code, clientId);
    return row !== undefined && this.#isTimely(row) ? toGrant(row) : undefined;
  }

  /** Notes what a code gave; where the code was used again meanwhile, that is revoked. */
  async given(code: string, given: GivenByCode): Promise<void> {
    const { familyId, jti } = given;
    const noted = await this.#store.db
      .updateTable('authorization_codes')
      .set({ family_id: familyId ?? null, access_token_jti: jti ?? null })
      .where('digest', '=', digestOf(code))
      .returning('digest')
      .executeTakeFirst();
    if (noted === undefined) await this.#store.change((db) => this.#revoke(db, given));
  }

  #isTimely({ expires_at }: AuthorizationCodeRow): boolean {
    return this.#clock() < expires_at.getTime() - keptMs + lifeMs;
  }

  /** The row of a code that was used already goes away: that is how the first use sees it, if it is still under way. */
  async #takeAgain(code: string, clientId: string): Promise<void> {
    const digest = digestOf(code);
    const used = await this.#store.db
      .selectFrom('authorization_codes')
      .select('digest')
      .where('digest', '=', digest)
      .where('client_id', '=', clientId)
      .executeTakeFirst();
    // Most codes that are no good never were: nothing that others remember changes by those.
    if (used === undefined) return;
    this.#logger.warn({ clientId }, 'an authorization code was used again: it may have been stolen');
    await this.#store.change(async (db) => {
      const row = await db
        .deleteFrom('authorization_codes')
        .where('digest', '=', digest)
        .returning(['family_id', 'access_token_jti'])
        .executeTakeFirst();
      if (row !== undefined)
        await this.#revoke(db, {
          familyId: row.family_id ?? undefined,
          jti: row.access_token_jti ?? undefined,
        });
    });
  }

  async #revoke(db: Database, { familyId, jti }: GivenByCode): Promise<void> {
    if (familyId !== undefined) await revokeFamily(db, familyId, this.#clock);
    if (jti !== undefined)
      await db
        .updateTable('access_tokens')
        .set({ revoked_at: new Date(this.#clock()) })
        .where('jti', '=', jti)
        .where('revoked_at', 'is', null)
        .execute();
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
