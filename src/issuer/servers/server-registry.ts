import { audit } from '../audit/audit.js';
import type { Actor } from '../audit/audit.js';
import { orgServerId } from '../authorization-server.js';
import { checkScopes } from '../clients/client-checks.js';
import { RegistryError } from '../registry-error.js';
import type { Store } from '../store/open-store.js';
import { violatedConstraint } from '../store/storage-error.js';
import { signingAlgorithms } from '../store/schema.js';
import type { SigningAlgorithm } from '../store/schema.js';

export interface RegisteredServer {
  readonly id: string;
  readonly audience: string;
  readonly algorithm: SigningAlgorithm;
  readonly access_token_seconds: number;
  readonly scopes: readonly string[];
  /** Given to clients that may have them and ask for none. */
  readonly default_scopes: readonly string[];
}

export interface NewServer {
  readonly id: string;
  readonly audience: string;
  readonly algorithm?: SigningAlgorithm | undefined;
  readonly accessTokenSeconds?: number | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly defaultScopes?: readonly string[] | undefined;
}

/** Scopes of OpenID Connect, which every server has. */
const openidScopes = ['openid', 'profile', 'email', 'offline_access'];
/** A segment of a URL; `v1` is where the org's own server has its endpoints. */
const idPattern = /^(?!v1$)[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const permanent: readonly string[] = ['default', orgServerId];

/** Authorization servers beside those that are always there. */
export class ServerRegistry {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @throws RegistryError when something is not acceptable, or there is such a server */
  add(server: NewServer, actor: Actor = 'cli'): Promise<RegisteredServer> {
    check(server);
    const {
      id,
      audience,
      algorithm = 'RS256',
      accessTokenSeconds = 3600,
      scopes = [],
      defaultScopes = [],
    } = server;
    const names = new Set([...openidScopes, ...scopes, ...defaultScopes]);
    return this.#store.change(async (db) => {
      await db
        .insertInto('authorization_servers')
        .values({ id, audience, signing_algorithm: algorithm, access_token_seconds: accessTokenSeconds })
        .execute()
        .catch((error: unknown) => {
          throw violatedConstraint(error) === undefined
            ? error
            : new RegistryError(`there is an authorization server ${id} already`, 'conflict');
        });
      await db
        .insertInto('scopes')
        .values([...names].map((name) => ({ server_id: id, name, is_default: defaultScopes.includes(name) })))
        .execute();
      await audit(db, { actor, action: 'server.create', target: id, details: { audience, algorithm } });
      return shown({ id, audience, signing_algorithm: algorithm, access_token_seconds: accessTokenSeconds }, [
        ...[...names].map((name) => ({ name, is_default: defaultScopes.includes(name) })),
      ]);
    });
  }

  async list(): Promise<RegisteredServer[]> {
    const servers = await this.#store.db
      .selectFrom('authorization_servers')
      .selectAll()
      .orderBy('id')
      .execute();
    const scopes = await this.#store.db.selectFrom('scopes').selectAll().orderBy('name').execute();
    const byServer = Map.groupBy(scopes, ({ server_id }) => server_id);
    return servers.map((server) => shown(server, byServer.get(server.id) ?? []));
  }

  /** Its tokens, and what clients could do there, end with it. @throws RegistryError */
  async remove(id: string, actor: Actor = 'cli'): Promise<RegisteredServer> {
    const server = (await this.list()).find((each) => each.id === id);
    if (server === undefined)
      throw new RegistryError(
        `there is no authorization server ${JSON.stringify(id.slice(0, 60))}`,
        'absent',
      );
    if (permanent.includes(id)) throw new RegistryError(`${id} stays: every issuer has it`, 'conflict');
    await this.#store.change(async (db) => {
      await db.deleteFrom('authorization_servers').where('id', '=', id).execute();
      await audit(db, { actor, action: 'server.delete', target: id });
    });
    return server;
  }
}

function check({
  id,
  audience,
  algorithm,
  accessTokenSeconds = 3600,
  scopes = [],
  defaultScopes = [],
}: NewServer): void {
  if (!idPattern.test(id))
    throw new RegistryError(
      'the id of a server is a segment of a URL: letters, digits, _ and -, at most 64 of them',
    );
  if (audience === '' || audience.length > 500 || /[\p{C}\s]/u.test(audience))
    throw new RegistryError('an audience has 1 to 500 characters without spaces, such as api://orders');
  if (algorithm !== undefined && !signingAlgorithms.includes(algorithm))
    throw new RegistryError(`the algorithm is one of ${signingAlgorithms.join(', ')}`);
  if (!Number.isInteger(accessTokenSeconds) || accessTokenSeconds < 300 || accessTokenSeconds > 86_400)
    throw new RegistryError('access tokens live 300 to 86400 seconds');
  checkScopes([...scopes, ...defaultScopes]);
}

function shown(
  server: {
    readonly id: string;
    readonly audience: string;
    readonly signing_algorithm: SigningAlgorithm;
    readonly access_token_seconds: number;
  },
  scopes: readonly { readonly name: string; readonly is_default: boolean }[],
): RegisteredServer {
  return {
    id: server.id,
    audience: server.audience,
    algorithm: server.signing_algorithm,
    access_token_seconds: server.access_token_seconds,
    scopes: scopes.map(({ name }) => name).toSorted(),
    default_scopes: scopes
      .filter(({ is_default }) => is_default)
      .map(({ name }) => name)
      .toSorted(),
  };
}
