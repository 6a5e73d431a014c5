import { onTestFinished } from 'vitest';
import { pino } from 'pino';
import { AuthorizationServers } from '../../../src/issuer/authorization-server.js';
import { ClientRegistry } from '../../../src/issuer/clients/client-registry.js';
import type { ClientWithSecret } from '../../../src/issuer/clients/client-registry.js';
import { Clients } from '../../../src/issuer/clients/clients.js';
import { SigningKeyRing } from '../../../src/issuer/keys/signing-key-ring.js';
import { Peppers } from '../../../src/issuer/peppers.js';
import { openStore } from '../../../src/issuer/store/open-store.js';
import type { Database } from '../../../src/issuer/store/open-store.js';
import { RefreshTokens } from '../../../src/issuer/tokens/refresh-tokens.js';
import { testPepper } from '../../issuer/support/issuer.js';

/** A database as some other process sees it, with a client whose refresh tokens rotate and have no leeway. */
export interface SharedDatabase {
  readonly db: Database;
  readonly client: ClientWithSecret;
  /** The first refresh token of a sign-in. */
  signIn(): Promise<string>;
}

export async function sharedDatabase(databaseUrl: string): Promise<SharedDatabase> {
  const store = await openStore(databaseUrl);
  onTestFinished(() => store.close());
  const peppers = new Peppers([testPepper]);
  const client = await new ClientRegistry(store, peppers).add({ name: 'rotating', scopes: ['read'] });
  await store.change((db) =>
    db
      .updateTable('clients')
      .set({
        grants: ['client_credentials', 'refresh_token'],
        refresh_rotation: 'ROTATE',
        refresh_leeway_seconds: 0,
      })
      .where('id', '=', client.client_id)
      .execute(),
  );
  const user = { id: '00uRoach', login: 'roach', password_hash: 'none', name: null, email: null };
  await store.db.insertInto('users').values(user).execute();
  const keys = await SigningKeyRing.open(store, peppers);
  const server = await new AuthorizationServers(store, 'http://127.0.0.1:8087', Date.now, keys).find(
    'default',
  );
  const known = await new Clients(store, Date.now).find(client.client_id);
  if (server === undefined || known === undefined) throw new Error('the database is not as it was made');
  const tokens = new RefreshTokens(store, Date.now, pino({ level: 'silent' }));
  const scopes = ['read', 'offline_access'];
  const signedIn = { server, client: known, userId: user.id, scopes, authTime: 1_700_000_000 };
  return { db: store.db, client, signIn: async () => (await tokens.start(signedIn)).token };
}
