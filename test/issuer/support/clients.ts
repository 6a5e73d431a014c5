import { randomBytes } from 'node:crypto';
import { digestSecret, newClientId } from '../../../src/issuer/clients/client-secret.js';
import { Peppers } from '../../../src/issuer/peppers.js';
import type { Store } from '../../../src/issuer/store/open-store.js';
import type { ClientAuthMethod, GrantType, PublicJwks } from '../../../src/issuer/store/schema.js';
import { testPepper } from './issuer.js';
import { withStore } from './servers.js';
import type { StoreUnderTest } from './stores.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

export interface ClientForTest {
  readonly authMethod?: ClientAuthMethod;
  readonly jwks?: PublicJwks;
  readonly grants?: GrantType[];
  readonly isAdmin?: boolean;
  readonly isDisabled?: boolean;
  readonly serverId?: string;
  readonly scope?: string;
}

export interface AddedClient {
  readonly client_id: string;
  /** Stored for every client, whether or not its method has any use for it. */
  readonly client_secret: string;
}

/** Puts a client into the database as it is, with one scope of one server. */
export async function addClient(store: Store, client: ClientForTest = {}): Promise<AddedClient> {
  const { serverId = 'default', scope = 'read_sayhello', jwks, grants = ['client_credentials'] } = client;
  const id = newClientId();
  const secret = randomBytes(32).toString('base64url');
  await store.change(async (db) => {
    await db
      .insertInto('clients')
      .values({
        id,
        name: id,
        auth_method: client.authMethod ?? 'client_secret_basic',
        grants,
        is_admin: client.isAdmin ?? false,
        disabled_at: client.isDisabled === true ? new Date() : null,
        jwks: jwks === undefined ? null : JSON.stringify(jwks),
        ...digestSecret(secret, new Peppers([testPepper]).current),
      })
      .execute();
    await db.insertInto('client_servers').values({ client_id: id, server_id: serverId }).execute();
    await db
      .insertInto('scopes')
      .values({ server_id: serverId, name: scope, is_default: false })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await db.insertInto('client_scopes').values({ client_id: id, server_id: serverId, scope }).execute();
  });
  return { client_id: id, client_secret: secret };
}

/** A database that has been worked on before any issuer opens it, and what removes it. */
export async function preparedDatabase(
  store: StoreUnderTest,
  work: (store: Store) => Promise<void>,
): Promise<{ readonly url: string; readonly remove: () => void }> {
  const fresh = await store.newDatabase();
  // What is in memory only would be another one at the next opening.
  const folder = fresh === 'pglite:memory' ? temporaryFolder() : undefined;
  const url = folder === undefined ? fresh : `pglite:${folder.path}`;
  await withStore(url, work);
  return { url, remove: () => folder?.remove() };
}
