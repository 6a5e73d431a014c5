import { sql } from 'kysely';
import type { Clock } from '../../base/clock.js';
import { gatherReads } from '../store/gathered-reads.js';
import { KnownReads } from '../store/known-reads.js';
import type { Store } from '../store/open-store.js';
import type { ClientAuthMethod, ClientRow, GrantType, PublicJwks } from '../store/schema.js';
import type { SecretDigest } from './client-secret.js';

/** A program that may get tokens, as the endpoints need it. */
export interface Client {
  readonly id: string;
  readonly name: string;
  readonly authMethod: ClientAuthMethod;
  readonly secret: SecretDigest | undefined;
  /** For private_key_jwt. */
  readonly jwks: PublicJwks | undefined;
  readonly grants: ReadonlySet<GrantType>;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  readonly refreshRotation: 'STATIC' | 'ROTATE';
  readonly refreshLeewaySeconds: number;
  readonly isAdmin: boolean;
  /** The access policy: server ids, and the scopes that may be asked there. A server that is absent is closed. */
  readonly access: ReadonlyMap<string, ReadonlySet<string>>;
}

type Access = Readonly<Record<string, readonly string[]>>;

/** Every server that a client may use, with the scopes it may ask there, as one JSON object. */
export const accessColumn = sql<Access>`coalesce((
  select jsonb_object_agg(s.server_id, (
    select coalesce(jsonb_agg(c.scope order by c.scope), '[]')
    from client_scopes c where c.client_id = s.client_id and c.server_id = s.server_id
  )) from client_servers s where s.client_id = clients.id
), '{}')`;

/** Enabled clients, for the endpoints; the registry changes them. */
export class Clients {
  readonly #store: Store;
  readonly #known: KnownReads<Client>;
  readonly #read: (id: string) => Promise<Client | undefined>;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    // A client that another process disabled or gave a new secret must not pass here.
    this.#known = new KnownReads(store, clock, 0);
    this.#read = gatherReads((ids) => this.#readEnabled(ids));
  }

  /** Undefined where there is none, or it is disabled. */
  find(id: string): Promise<Client | undefined> {
    return this.#known.get(id, () => this.#read(id));
  }

  /** What is known without asking the database; undefined says nothing. */
  peek(id: string): Client | undefined {
    return this.#known.peek(id);
  }

  /** As `find`, by the database itself. */
  findFresh(id: string): Promise<Client | undefined> {
    return this.#known.read(id, () => this.#read(id));
  }

  async #readEnabled(ids: readonly string[]): Promise<Map<string, Client>> {
    const rows = await this.#store.db
      .selectFrom('clients')
      .selectAll()
      .select(accessColumn.as('access'))
      // One text for any number: nothing has to be compiled anew.
      .where('id', '=', sql<string>`any(${ids}::text[])`)
      .where('disabled_at', 'is', null)
      .execute();
    return new Map(rows.map((row) => [row.id, toClient(row, row.access)]));
  }
}

function toClient(row: ClientRow, access: Access): Client {
  return {
    id: row.id,
    name: row.name,
    authMethod: row.auth_method,
    secret:
      row.secret_digest === null || row.pepper_id === null
        ? undefined
        : { secret_digest: row.secret_digest, pepper_id: row.pepper_id },
    jwks: row.jwks ?? undefined,
    grants: new Set(row.grants),
    redirectUris: row.redirect_uris,
    postLogoutRedirectUris: row.post_logout_redirect_uris,
    refreshRotation: row.refresh_rotation,
    refreshLeewaySeconds: row.refresh_leeway_seconds,
    isAdmin: row.is_admin,
    access: new Map(Object.entries(access).map(([server, scopes]) => [server, new Set(scopes)])),
  };
}
