import type { Clock } from '../base/clock.js';
import { BoundedCache } from '../base/bounded-cache.js';
import type { Database } from './store/open-store.js';

/** A set of tokens with one issuer and one audience: Okta's custom authorization server. */
export interface AuthorizationServer {
  readonly id: string;
  /** `{base}/oauth2/{id}`, the `iss` of its tokens. */
  readonly issuer: string;
  readonly audience: string;
  /** Life of an access token. */
  readonly accessTokenSeconds: number;
}

/** How long a change in the database may go unseen, in milliseconds. */
const maxAgeMs = 5000;
const maxServers = 1000;

export class AuthorizationServers {
  readonly #db: Database;
  readonly #baseUrl: string;
  readonly #clock: Clock;
  readonly #servers: BoundedCache<AuthorizationServer>;

  constructor(db: Database, baseUrl: string, clock: Clock) {
    this.#db = db;
    this.#baseUrl = baseUrl;
    this.#clock = clock;
    this.#servers = new BoundedCache(maxServers, clock);
  }

  async find(id: string): Promise<AuthorizationServer | undefined> {
    const known = this.#servers.get(id);
    if (known !== undefined) return known;
    const row = await this.#db
      .selectFrom('authorization_servers')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const server = {
      id,
      issuer: `${this.#baseUrl}/oauth2/${id}`,
      audience: row.audience,
      accessTokenSeconds: row.access_token_seconds,
    };
    this.#servers.set(id, server, this.#clock() + maxAgeMs);
    return server;
  }
}
