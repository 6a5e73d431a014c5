import type { Database, Store } from '../store/open-store.js';
import type { ClientRow } from '../store/schema.js';
import type { Peppers } from '../peppers.js';
import { digestSecret, newClientId, newClientSecret } from './client-secret.js';

/** A client as the registry shows it: never with its secret. */
export interface RegisteredClient {
  readonly client_id: string;
  readonly client_name: string;
  /** Scopes that it may ask of the default server, sorted. */
  readonly scopes: readonly string[];
  /** Seconds since the epoch (RFC 7591 section 3.2.1). */
  readonly client_id_issued_at: number;
}

/** The one time that a secret is seen. */
export interface ClientWithSecret extends RegisteredClient {
  readonly client_secret: string;
}

export interface NewClient {
  readonly name: string;
  /** At least one; scopes that the server doesn't know yet are made known to it. */
  readonly scopes: readonly string[];
}

/** The request can't be carried out; the message is for the person who made it. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
}

const maxNameLength = 100;
const maxScopes = 100;
const serverId = 'default';

/** RFC 6749 section 3.3: scope-token, here with a bound. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

/** Which programs may get tokens, and for what. */
export class ClientRegistry {
  readonly #store: Store;
  readonly #db: Database;
  readonly #peppers: Peppers;

  constructor(store: Store, peppers: Peppers) {
    this.#store = store;
    this.#db = store.db;
    this.#peppers = peppers;
  }

  /** @throws RegistryError when the name or a scope is not acceptable */
  async add({ name, scopes }: NewClient): Promise<ClientWithSecret> {
    checkName(name);
    const wanted = checkScopes(scopes);
    const id = newClientId();
    const secret = newClientSecret();
    const row = await this.#store.change(async (db) => {
      const inserted = await db
        .insertInto('clients')
        .values({ id, name, ...digestSecret(secret, this.#peppers.current) })
        .returningAll()
        .executeTakeFirstOrThrow();
      await db.insertInto('client_servers').values({ client_id: id, server_id: serverId }).execute();
      const known = wanted.map((scope) => ({ server_id: serverId, name: scope, is_default: false }));
      await db
        .insertInto('scopes')
        .values(known)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const granted = wanted.map((scope) => ({ client_id: id, server_id: serverId, scope }));
      await db.insertInto('client_scopes').values(granted).execute();
      return inserted;
    });
    return { ...shown(row, wanted), client_secret: secret };
  }

  async list(): Promise<RegisteredClient[]> {
    const clients = await this.#db
      .selectFrom('clients')
      .selectAll()
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    const granted = await this.#db.selectFrom('client_scopes').select(['client_id', 'scope']).execute();
    const scopesOf = Map.groupBy(granted, ({ client_id }) => client_id);
    return clients.map((row) =>
      shown(
        row,
        (scopesOf.get(row.id) ?? []).map(({ scope }) => scope),
      ),
    );
  }

  /** @throws RegistryError when there is no such client */
  async remove(clientId: string): Promise<RegisteredClient> {
    const scopes = await this.#scopesOf(clientId);
    const row = await this.#store.change((db) =>
      db.deleteFrom('clients').where('id', '=', clientId).returningAll().executeTakeFirst(),
    );
    return shown(found(row, clientId), scopes);
  }

  /** From now on only the new secret is good. @throws RegistryError when there is no such client */
  async rotateSecret(clientId: string): Promise<ClientWithSecret> {
    const secret = newClientSecret();
    const row = await this.#store.change((db) =>
      db
        .updateTable('clients')
        .set(digestSecret(secret, this.#peppers.current))
        .where('id', '=', clientId)
        .returningAll()
        .executeTakeFirst(),
    );
    return { ...shown(found(row, clientId), await this.#scopesOf(clientId)), client_secret: secret };
  }

  async #scopesOf(clientId: string): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('client_scopes')
      .select('scope')
      .where('client_id', '=', clientId)
      .execute();
    return rows.map(({ scope }) => scope);
  }
}

function checkName(name: string): void {
  if (name === '' || name.length > maxNameLength || /\p{C}/u.test(name))
    throw new RegistryError(
      `a client's name has 1 to ${maxNameLength} characters, none of them a control character`,
    );
}

function checkScopes(scopes: readonly string[]): string[] {
  const wanted = [...new Set(scopes)];
  if (wanted.length === 0 || wanted.length > maxScopes)
    throw new RegistryError(`a client has 1 to ${maxScopes} scopes, such as --scope read_sayhello`);
  for (const scope of wanted)
    if (!scopeToken.test(scope))
      throw new RegistryError(
        `${JSON.stringify(scope.slice(0, 60))} is no scope: printable ASCII without space, quote and backslash`,
      );
  return wanted;
}

function found(row: ClientRow | undefined, clientId: string): ClientRow {
  if (row === undefined)
    throw new RegistryError(`there is no client ${JSON.stringify(clientId.slice(0, 60))}`);
  return row;
}

function shown(row: ClientRow, scopes: readonly string[]): RegisteredClient {
  return {
    client_id: row.id,
    client_name: row.name,
    scopes: scopes.toSorted(),
    client_id_issued_at: Math.floor(row.created_at.getTime() / 1000),
  };
}
