import { sql } from 'kysely';
import { audit } from '../audit/audit.js';
import type { Actor } from '../audit/audit.js';
import type { Peppers } from '../peppers.js';
import { RegistryError } from '../registry-error.js';
import type { Database, Store } from '../store/open-store.js';
import type { ClientRow } from '../store/schema.js';
import { violatedConstraint } from '../store/storage-error.js';
import { checkClient, checkImported } from './client-checks.js';
import type { ClientSettings } from './client-checks.js';
import {
  absent,
  checkAdminIsLeft,
  checkClientId,
  columnsOf,
  detailsOf,
  grantAccess,
  hasSecret,
  lockAdmins,
  noSecret,
  shown,
  withDefaults,
} from './client-rows.js';
import type { NewClient, RegisteredClient } from './client-rows.js';
import { digestSecret, newClientId, newClientSecret } from './client-secret.js';
import { accessColumn } from './clients.js';

export type { NewClient, RegisteredClient } from './client-rows.js';

/** The one time that a secret is seen. */
export interface ClientWithSecret extends RegisteredClient {
  readonly client_secret: string;
}

export type ImportedClient = NewClient & { readonly id: string; readonly secret: string };

export interface ClientPage {
  readonly clients: readonly RegisteredClient[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: { readonly createdAt: string; readonly id: string } | undefined;
}

export interface ClientQuery {
  readonly limit: number;
  readonly after?: { readonly createdAt: string; readonly id: string } | undefined;
  /** What the name or the id starts with, whatever the case. */
  readonly startsWith?: string | undefined;
}

/** Which programs may get tokens, and for what. */
export class ClientRegistry {
  readonly #store: Store;
  readonly #peppers: Peppers;

  constructor(store: Store, peppers: Peppers) {
    this.#store = store;
    this.#peppers = peppers;
  }

  /**
   * Scopes that a server doesn't know yet are made known to it.
   *
   * @returns with `client_secret` where the client has one: empty for `none` and `private_key_jwt`
   * @throws RegistryError when something is not acceptable
   */
  async add(client: NewClient, actor: Actor = 'cli'): Promise<ClientWithSecret> {
    const settings = withDefaults(client);
    checkClient(settings);
    return this.#insert(newClientId(), hasSecret(settings) ? newClientSecret() : '', settings, actor);
  }

  /**
   * A client that brings its id and secret from elsewhere.
   *
   * @throws RegistryError when something is not acceptable, or there is such a client
   */
  async import({ id, secret, ...client }: ImportedClient, actor: Actor = 'cli'): Promise<void> {
    const settings = withDefaults(client);
    checkClient(settings);
    checkImported(id, secret);
    await this.#insert(id, secret, settings, actor).catch((error: unknown) => {
      throw violatedConstraint(error) === 'clients_pkey'
        ? new RegistryError(`there is a client ${JSON.stringify(id)} already`, 'conflict')
        : error;
    });
  }

  #insert(id: string, secret: string, settings: ClientSettings, actor: Actor): Promise<ClientWithSecret> {
    return this.#store.change(async (db) => {
      const digest = secret === '' ? noSecret : digestSecret(secret, this.#peppers.current);
      await db
        .insertInto('clients')
        .values({ id, ...columnsOf(settings), ...digest })
        .execute();
      await grantAccess(db, id, settings.access);
      await audit(db, { actor, action: 'client.create', target: id, details: detailsOf(settings) });
      return { ...(await this.#shown(db, id)), client_secret: secret };
    });
  }

  /** @throws RegistryError when there is no such client */
  get(clientId: string): Promise<RegisteredClient> {
    return this.#shown(this.#store.db, clientId);
  }

  /** Every client, in the order of their making. */
  async list(): Promise<RegisteredClient[]> {
    return (await this.page({ limit: Number.MAX_SAFE_INTEGER })).clients.slice();
  }

  async page({ limit, after, startsWith = '' }: ClientQuery): Promise<ClientPage> {
    // As text: the database's microseconds are lost in a Date.
    let query = this.#store.db
      .selectFrom('clients')
      .selectAll()
      .select([accessColumn.as('access'), sql<string>`created_at::text`.as('createdAt')]);
    if (after !== undefined)
      query = query.where(sql<boolean>`(created_at, id) > (${after.createdAt}::timestamptz, ${after.id})`);
    if (startsWith !== '') {
      const pattern = `${startsWith.replace(/[\\%_]/g, '\\$&')}%`;
      query = query.where((row) => row.or([row('name', 'ilike', pattern), row('id', 'like', pattern)]));
    }
    const rows = await query
      .orderBy('created_at')
      .orderBy('id')
      .limit(Math.min(limit + 1, 1_000_000))
      .execute();
    const shownRows = rows.slice(0, limit);
    const last = shownRows.at(-1);
    const next =
      rows.length > shownRows.length && last ? { createdAt: last.createdAt, id: last.id } : undefined;
    return { clients: shownRows.map((row) => shown(row, row.access)), next };
  }

  /** Makes the client what `settings` say, whatever it was. @throws RegistryError */
  async replace(clientId: string, client: NewClient, actor: Actor = 'cli'): Promise<ClientWithSecret> {
    const settings = withDefaults(client);
    checkClient(settings);
    return this.#changeClient(clientId, 'client.replace', actor, detailsOf(settings), async (db, row) => {
      const secret = hasSecret(settings) && row.secret_digest === null ? newClientSecret() : '';
      const digest = hasSecret(settings) ? this.#newDigest(secret) : noSecret;
      await db
        .updateTable('clients')
        .set({ ...columnsOf(settings), ...digest, updated_at: new Date() })
        .where('id', '=', clientId)
        .execute();
      await db.deleteFrom('client_servers').where('client_id', '=', clientId).execute();
      await grantAccess(db, clientId, settings.access);
      return secret;
    });
  }

  /** From now on only the new secret is good. @throws RegistryError when there is no such client, or it has no secret */
  rotateSecret(clientId: string, actor: Actor = 'cli'): Promise<ClientWithSecret> {
    const secret = newClientSecret();
    return this.#changeClient(clientId, 'client.new-secret', actor, {}, async (db, row) => {
      if (row.secret_digest === null)
        throw new RegistryError(
          `the client authenticates by ${row.auth_method}: it has no secret`,
          'conflict',
        );
      await db
        .updateTable('clients')
        .set({ ...digestSecret(secret, this.#peppers.current), updated_at: new Date() })
        .where('id', '=', clientId)
        .execute();
      return secret;
    });
  }

  /** A client that is not enabled gets no tokens, and those it has are inactive. @throws RegistryError */
  async setEnabled(clientId: string, isEnabled: boolean, actor: Actor = 'cli'): Promise<RegisteredClient> {
    const action = isEnabled ? 'client.activate' : 'client.deactivate';
    await this.#changeClient(clientId, action, actor, {}, async (db) => {
      await db
        .updateTable('clients')
        .set({ disabled_at: isEnabled ? null : new Date(), updated_at: new Date() })
        .where('id', '=', clientId)
        .execute();
      return '';
    });
    return this.get(clientId);
  }

  /** @throws RegistryError when there is no such client, or it is the last admin */
  remove(clientId: string, actor: Actor = 'cli'): Promise<RegisteredClient> {
    return this.#store.change(async (db) => {
      await lockAdmins(db, actor);
      const client = await this.#shown(db, clientId);
      await db.deleteFrom('clients').where('id', '=', clientId).execute();
      await checkAdminIsLeft(db, actor);
      await audit(db, {
        actor,
        action: 'client.delete',
        target: clientId,
        details: { name: client.client_name },
      });
      return client;
    });
  }

  async #changeClient(
    clientId: string,
    action: string,
    actor: Actor,
    details: Readonly<Record<string, unknown>>,
    work: (db: Database, row: ClientRow) => Promise<string>,
  ): Promise<ClientWithSecret> {
    checkClientId(clientId);
    return this.#store.change(async (db) => {
      await lockAdmins(db, actor);
      const row = await db
        .selectFrom('clients')
        .selectAll()
        .where('id', '=', clientId)
        .forUpdate()
        .executeTakeFirst();
      if (row === undefined) throw absent(clientId);
      const secret = await work(db, row);
      await checkAdminIsLeft(db, actor);
      await audit(db, { actor, action, target: clientId, details });
      return { ...(await this.#shown(db, clientId)), client_secret: secret };
    });
  }

  /** What a client keeps has no new digest. */
  #newDigest(secret: string) {
    return secret === '' ? {} : digestSecret(secret, this.#peppers.current);
  }

  async #shown(db: Database, clientId: string): Promise<RegisteredClient> {
    checkClientId(clientId);
    const row = await db
      .selectFrom('clients')
      .selectAll()
      .select(accessColumn.as('access'))
      .where('id', '=', clientId)
      .executeTakeFirst();
    if (row === undefined) throw absent(clientId);
    return shown(row, row.access);
  }
}
