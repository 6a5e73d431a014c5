import { SetupError } from '../../base/setup-error.js';
import type { IssuerSettings } from '../../settings/issuer-settings.js';
import { ClientRegistry } from '../clients/client-registry.js';
import { KeyRegistry } from '../keys/key-registry.js';
import type { SigningKeyRing } from '../keys/signing-key-ring.js';
import { peppersOf } from '../pepper-file.js';
import type { Peppers } from '../peppers.js';
import { ServerRegistry } from '../servers/server-registry.js';
import { FolderInUse } from '../store/folder-lock.js';
import { folderOf, openStore } from '../store/open-store.js';
import type { Store } from '../store/open-store.js';
import { newPasswords } from '../users/passwords.js';
import { UserRegistry } from '../users/user-registry.js';
import { administrationOf } from './administration.js';
import type { Administration, Registries } from './administration.js';
import { connectAdministration } from './administration-socket.js';

export interface OpenAdministration {
  readonly administration: Administration;
  close(): Promise<void>;
}

/** @param ring of this process, which sees changes of keys at once */
export function registriesOf(store: Store, peppers: Peppers, ring?: SigningKeyRing): Registries {
  return {
    clients: new ClientRegistry(store, peppers),
    users: new UserRegistry(store, newPasswords()),
    servers: new ServerRegistry(store),
    keys: new KeyRegistry(store, peppers, ring),
  };
}

/**
 * The administration for a command: of the database itself, or of the issuer that has the embedded one open.
 *
 * @throws SetupError when there is nothing that would outlive the command, or the database can't be opened
 */
export async function openAdministration(settings: IssuerSettings): Promise<OpenAdministration> {
  const { databaseUrl } = settings;
  const folder = folderOf(databaseUrl);
  if (databaseUrl === 'pglite:memory')
    throw new SetupError('ISSUER_DATABASE_URL is pglite:memory, which ends with each process; name a folder');
  const store = await openUnlessInUse(databaseUrl);
  if (store === undefined && folder !== undefined)
    return { administration: connectAdministration(folder), close: () => Promise.resolve() };
  if (store === undefined) throw new SetupError('the database is in use');
  const registries = registriesOf(store, peppersOf(settings, folder));
  return { administration: administrationOf(registries), close: () => store.close() };
}

async function openUnlessInUse(databaseUrl: string): Promise<Store | undefined> {
  try {
    return await openStore(databaseUrl);
  } catch (error) {
    if (error instanceof FolderInUse) return undefined;
    throw error;
  }
}
