import { openStore } from '../../../src/issuer/store/open-store.js';
import type { Store } from '../../../src/issuer/store/open-store.js';
import type { SigningAlgorithm } from '../../../src/issuer/store/schema.js';

export interface ServerForTest {
  readonly id: string;
  readonly algorithm: SigningAlgorithm;
  readonly audience?: string;
  readonly seconds?: number;
  /** By name: whether it is given to who asks for none. */
  readonly scopes: Readonly<Record<string, boolean>>;
}

/** Works on a database as another process would. */
export async function withStore<T>(databaseUrl: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(databaseUrl);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export async function addServer(store: Store, server: ServerForTest): Promise<void> {
  const { id, algorithm, audience = `api://${id}`, seconds = 3600, scopes } = server;
  await store.change(async (db) => {
    await db
      .insertInto('authorization_servers')
      .values({ id, audience, signing_algorithm: algorithm, access_token_seconds: seconds })
      .execute();
    const rows = Object.entries(scopes).map(([name, is_default]) => ({ server_id: id, name, is_default }));
    await db.insertInto('scopes').values(rows).execute();
  });
}

/** Lists the client for a server, with scopes that the server knows. */
export async function listClient(
  store: Store,
  clientId: string,
  serverId: string,
  scopes: readonly string[],
): Promise<void> {
  await store.change(async (db) => {
    await db.insertInto('client_servers').values({ client_id: clientId, server_id: serverId }).execute();
    const rows = scopes.map((scope) => ({ client_id: clientId, server_id: serverId, scope }));
    await db.insertInto('client_scopes').values(rows).execute();
  });
}
