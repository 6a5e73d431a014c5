import type { Clock } from '../base/clock.js';
import { sql } from 'kysely';
import type { SigningKeyRing } from './keys/signing-key-ring.js';
import { KnownReads } from './store/known-reads.js';
import type { Store } from './store/open-store.js';
import type { AuthorizationServerRow, SigningAlgorithm } from './store/schema.js';

/** A set of tokens with one issuer and one audience: Okta's authorization server. */
export interface AuthorizationServer {
  readonly id: string;
  /** `{base}/oauth2/{id}`, the `iss` of its tokens; `{base}` for the org's own. */
  readonly issuer: string;
  /** What its endpoints start with: `{base}/oauth2/{id}`, `{base}/oauth2` for the org's own. */
  readonly endpointBase: string;
  readonly audience: string;
  readonly signingAlgorithm: SigningAlgorithm;
  /** Life of an access token. */
  readonly accessTokenSeconds: number;
  readonly idTokenSeconds: number;
  /** Life of all refresh tokens that come from one sign-in, and of one that is not used. */
  readonly refreshTokenSeconds: number;
  readonly refreshIdleSeconds: number;
  /** Every scope that it knows, and whether it is given to who asks for none. */
  readonly scopes: ReadonlyMap<string, { readonly isDefault: boolean }>;
}

/** The org's own authorization server, at `{base}/oauth2/v1/…`, whose tokens manage the issuer. */
export const orgServerId = 'org';

/** No other text can be the id of a server; a NUL, for one, the database would not even take. */
const serverId = /^[\w.~-]{1,100}$/;

/** How long another process's change may go unseen, in milliseconds. */
const sharedMs = 5000;

export class AuthorizationServers {
  readonly #store: Store;
  readonly #baseUrl: string;
  readonly #keys: Pick<SigningKeyRing, 'ensure'>;
  readonly #known: KnownReads<AuthorizationServer>;

  /** @param keys which a server gets when it is first seen: it may be newer than this process */
  constructor(store: Store, baseUrl: string, clock: Clock, keys: Pick<SigningKeyRing, 'ensure'>) {
    this.#store = store;
    this.#baseUrl = baseUrl;
    this.#keys = keys;
    this.#known = new KnownReads(store, clock, sharedMs);
  }

  find(id: string): Promise<AuthorizationServer | undefined> {
    if (!serverId.test(id)) return Promise.resolve(undefined);
    return this.#known.get(id, () => this.#read(id));
  }

  /** As it is in the database now: another process may have just added a scope. */
  findFresh(id: string): Promise<AuthorizationServer | undefined> {
    return this.#known.read(id, () => this.#read(id));
  }

  /** The server whose tokens carry this `iss`. */
  async findByIssuer(issuer: string): Promise<AuthorizationServer | undefined> {
    if (issuer === this.#baseUrl) return this.find(orgServerId);
    const prefix = `${this.#baseUrl}/oauth2/`;
    if (!issuer.startsWith(prefix)) return undefined;
    const server = await this.find(issuer.slice(prefix.length));
    return server?.issuer === issuer ? server : undefined;
  }

  async #read(id: string): Promise<AuthorizationServer | undefined> {
    const row = await this.#store.db
      .selectFrom('authorization_servers')
      .selectAll()
      .select(
        sql<Readonly<Record<string, boolean>>>`coalesce(
          (select jsonb_object_agg(name, is_default) from scopes where server_id = authorization_servers.id), '{}'
        )`.as('scopes'),
      )
      .where('id', '=', id)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    await this.#keys.ensure(row.signing_algorithm);
    return this.#toServer(row);
  }

  #toServer(
    row: AuthorizationServerRow & { scopes: Readonly<Record<string, boolean>> },
  ): AuthorizationServer {
    const endpointBase =
      row.id === orgServerId ? `${this.#baseUrl}/oauth2` : `${this.#baseUrl}/oauth2/${row.id}`;
    return {
      id: row.id,
      issuer: row.id === orgServerId ? this.#baseUrl : endpointBase,
      endpointBase,
      audience: row.audience,
      signingAlgorithm: row.signing_algorithm,
      accessTokenSeconds: row.access_token_seconds,
      idTokenSeconds: row.id_token_seconds,
      refreshTokenSeconds: row.refresh_token_seconds,
      refreshIdleSeconds: row.refresh_idle_seconds,
      scopes: new Map(Object.entries(row.scopes).map(([name, isDefault]) => [name, { isDefault }])),
    };
  }
}
