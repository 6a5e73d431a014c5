import { SetupError } from '../../base/setup-error.js';
import type { IssuerSettings } from '../../settings/issuer-settings.js';
import { ClientRegistry } from '../clients/client-registry.js';
import { peppersOf } from '../pepper-file.js';
import { FolderInUse } from '../store/folder-lock.js';
import { folderOf, openStore } from '../store/open-store.js';
import type { Store } from '../store/open-store.js';
import { connectRegistry } from './registry-socket.js';
import type { Registry } from './registry-socket.js';

export interface OpenRegistry {
  readonly registry: Registry;
  close(): Promise<void>;
}

/**
 * The registry for a command: of the database itself, or of the issuer that has it open.
 *
 * @throws SetupError when there is nothing that would outlive the command, or the database can't be opened
 */
export async function openRegistry(settings: IssuerSettings): Promise<OpenRegistry> {
  const folder = folderOf(settings.databaseUrl);
  if (folder === undefined)
    throw new SetupError('ISSUER_DATABASE_URL is pglite:memory, which ends with each process; name a folder');
  const store = await openUnlessInUse(settings.databaseUrl);
  if (store === undefined) return { registry: connectRegistry(folder), close: () => Promise.resolve() };
  return {
    registry: new ClientRegistry(store, peppersOf(settings, folder)),
    close: () => store.close(),
  };
}

async function openUnlessInUse(databaseUrl: string): Promise<Store | undefined> {
  try {
    return await openStore(databaseUrl);
  } catch (error) {
    if (error instanceof FolderInUse) return undefined;
    throw error;
  }
}
