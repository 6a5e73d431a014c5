import { hash, randomBytes, randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.js';
import type { AuthorizationServer } from '../authorization-server.js';
import type { Client } from '../clients/clients.js';
import type { Database, Store } from '../store/open-store.js';

/** What a refresh token stands for. */
interface RefreshGrant {
  readonly familyId: string;
  readonly userId: string;
  readonly scopes: readonly string[];
  /** When the person signed in, in seconds since the epoch. */
  readonly authTime: number;
}

export interface SignedIn {
  readonly server: AuthorizationServer;
  readonly client: Client;
  readonly userId: string;
  readonly scopes: readonly string[];
  readonly authTime: number;
}

/** A refresh token that is good, with what it stands for. */
export interface LiveRefreshToken extends RefreshGrant {
  readonly clientId: string;
  /** The end of the family, in seconds since the epoch. */
  readonly expiresAt: number;
  /** When this token was made, in seconds since the epoch. */
  readonly issuedAt: number;
}

interface StoredToken extends LiveRefreshToken {
  readonly digest: Uint8Array;
  readonly rotatedAt: Date | null;
}

export interface RefreshUse {
  readonly server: AuthorizationServer;
  readonly client: Client;
  /** The scopes to go on with, out of those granted; what it throws leaves the token unused. */
  readonly choose: (granted: readonly string[]) => readonly string[];
}

/** What a used token stood for, and the one to go on with. */
export interface UsedRefreshToken extends RefreshGrant {
  readonly next: { readonly token: string; readonly familyId: string };
}

/** Opaque tokens out of one sign-in, a family: those that come after each other, and the access tokens with them. */
export class RefreshTokens {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(store: Store, clock: Clock, logger: Logger) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The first token of a family. */
  async start({
    server,
    client,
    userId,
    scopes,
    authTime,
  }: SignedIn): Promise<{ token: string; familyId: string }> {
    const [token, familyId, now] = [newToken(), randomUUID(), this.#clock()];
    await this.#store.db.transaction().execute(async (db) => {
      await db
        .insertInto('refresh_families')
        .values({
          id: familyId,
          client_id: client.id,
          server_id: server.id,
          user_id: userId,
          scopes,
          auth_time: new Date(authTime * 1000),
          expires_at: new Date(now + server.refreshTokenSeconds * 1000),
        })
        .execute();
      await this.#insert(db, token, familyId);
    });
    return { token, familyId };
  }

  /**
   * Uses a token: of any number of uses at the same time, in any number of processes, one rotates it.
   *
   * @returns undefined when it is not good
   */
  async use(token: string, use: RefreshUse): Promise<UsedRefreshToken | undefined> {
    const used = await this.#store.change((db) => this.#useOnce(db, token, use));
    if (used !== 'reused') return used;
    this.#logger.warn(
      { clientId: use.client.id },
      'a refresh token was used again after it had been replaced: it may have been stolen, and its family is revoked',
    );
    return undefined;
  }

  /** What the token stands for, if it is good; it is not used by this. */
  async find(token: string, server: AuthorizationServer): Promise<LiveRefreshToken | undefined> {
    const stored = await this.#read(this.#store.db, token, server);
    return stored?.rotatedAt === null ? stored : undefined;
  }

  /** Revokes the family of the client's own token; every other token is left alone. */
  async revoke(token: string, client: Client): Promise<void> {
    await this.#store.change(async (db) => {
      const row = await db
        .selectFrom('refresh_tokens')
        .innerJoin('refresh_families', 'refresh_families.id', 'refresh_tokens.family_id')
        .select('refresh_families.id')
        .where('refresh_tokens.digest', '=', digestOf(token))
        .where('refresh_families.client_id', '=', client.id)
        .executeTakeFirst();
      if (row !== undefined) await revokeFamily(db, row.id, this.#clock);
    });
  }

  async #useOnce(
    db: Database,
    token: string,
    { server, client, choose }: RefreshUse,
  ): Promise<UsedRefreshToken | 'reused' | undefined> {
    const stored = await this.#read(db, token, server, true);
    if (stored?.clientId !== client.id) return undefined;
    if (stored.rotatedAt !== null && !this.#isWithinLeeway(stored.rotatedAt, client)) {
      await revokeFamily(db, stored.familyId, this.#clock);
      return 'reused';
    }
    const { familyId, userId, authTime } = stored;
    const scopes = choose(stored.scopes);
    const next = { token: await this.#next(db, token, stored, client), familyId };
    return { familyId, userId, scopes, authTime, next };
  }

  /** Static tokens stay; rotating ones give way to a new one. */
  async #next(db: Database, token: string, stored: StoredToken, client: Client): Promise<string> {
    const now = new Date(this.#clock());
    const isRotating = client.refreshRotation === 'ROTATE';
    await db
      .updateTable('refresh_tokens')
      .set({ used_at: now, ...(isRotating && stored.rotatedAt === null && { rotated_at: now }) })
      .where('digest', '=', stored.digest)
      .execute();
    if (!isRotating) return token;
    const next = newToken();
    await this.#insert(db, next, stored.familyId);
    return next;
  }

  #isWithinLeeway(rotatedAt: Date, { refreshLeewaySeconds }: Client): boolean {
    return this.#clock() < rotatedAt.getTime() + refreshLeewaySeconds * 1000;
  }

  /** @param toUse locks the row until the end of the transaction */
  async #read(
    db: Database,
    token: string,
    server: AuthorizationServer,
    toUse = false,
  ): Promise<StoredToken | undefined> {
    const now = this.#clock();
    const idleSince = new Date(now - server.refreshIdleSeconds * 1000);
    const query = db
      .selectFrom('refresh_tokens')
      .innerJoin('refresh_families as family', 'family.id', 'refresh_tokens.family_id')
      .innerJoin('users', 'users.id', 'family.user_id')
      .selectAll('refresh_tokens')
      .select([
        'family.client_id',
        'family.user_id',
        'family.scopes',
        'family.auth_time',
        'family.expires_at',
      ])
      .where('refresh_tokens.digest', '=', digestOf(token))
      .where('family.server_id', '=', server.id)
      .where('family.revoked_at', 'is', null)
      .where('family.expires_at', '>', new Date(now))
      .where('users.disabled_at', 'is', null)
      .where((row) =>
        row(row.fn.coalesce('refresh_tokens.used_at', 'refresh_tokens.created_at'), '>', idleSince),
      );
    const row = await (toUse ? query.forUpdate(['refresh_tokens', 'family']) : query).executeTakeFirst();
    return (
      row && {
        digest: row.digest,
        familyId: row.family_id,
        clientId: row.client_id,
        userId: row.user_id,
        scopes: row.scopes,
        authTime: toSeconds(row.auth_time),
        expiresAt: toSeconds(row.expires_at),
        issuedAt: toSeconds(row.created_at),
        rotatedAt: row.rotated_at,
      }
    );
  }

  async #insert(db: Database, token: string, familyId: string): Promise<void> {
    await db
      .insertInto('refresh_tokens')
      .values({ digest: digestOf(token), family_id: familyId, created_at: new Date(this.#clock()) })
      .execute();
  }
}

/** Ends every refresh token of a sign-in and every access token that came with one. */
export async function revokeFamily(db: Database, familyId: string, clock: Clock): Promise<void> {
  const now = new Date(clock());
  await db
    .updateTable('refresh_families')
    .set({ revoked_at: now })
    .where('id', '=', familyId)
    .where('revoked_at', 'is', null)
    .execute();
  await db
    .updateTable('access_tokens')
    .set({ revoked_at: now })
    .where('family_id', '=', familyId)
    .where('revoked_at', 'is', null)
    .execute();
}

function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

/** 32 random bytes, 43 characters. */
function newToken(): string {
  return randomBytes(32).toString('base64url');
}

function digestOf(token: string): Uint8Array {
  return hash('sha256', token, 'buffer');
}
