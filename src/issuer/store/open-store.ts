import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { errorText } from '../../base/error-text.js';
import { SetupError } from '../../base/setup-error.js';
import { lockFolder } from './folder-lock.js';
import type { FolderLock } from './folder-lock.js';
import { migrations } from './migrations.js';
import type { IssuerSchema } from './schema.js';

export type Database = Kysely<IssuerSchema>;

export interface Store {
  readonly db: Database;
  close(): Promise<void>;
}

/** The folder behind `pglite:./folder`, absolute; undefined for `pglite:memory`. */
export function folderOf(databaseUrl: string): string | undefined {
  const place = databaseUrl.slice('pglite:'.length);
  return place === 'memory' ? undefined : resolve(place);
}

/**
 * Opens the database and brings its tables up to date.
 *
 * @param folder as from {@link folderOf}
 * @throws FolderInUse when another process has it open; SetupError when it can't be read
 */
export async function openStore(folder: string | undefined): Promise<Store> {
  const lock = folder === undefined ? undefined : lockFolder(folder);
  try {
    const db = await openDatabase(folder === undefined ? undefined : join(folder, 'database'));
    return { db, close: () => close(db, lock) };
  } catch (error) {
    lock?.release();
    throw new SetupError(`the issuer's database can't be opened: ${errorText(error)}`, { cause: error });
  }
}

async function openDatabase(folder: string | undefined): Promise<Database> {
  const db: Database = new Kysely({ dialect: new PGliteDialect({ pglite: await PGlite.create(folder) }) });
  try {
    await migrate(db);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

async function close(db: Database, lock: FolderLock | undefined): Promise<void> {
  await db.destroy();
  lock?.release();
}

async function migrate(db: Database): Promise<void> {
  const provider = { getMigrations: () => Promise.resolve({ ...migrations }) };
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error !== undefined) throw new Error(errorText(error), { cause: error });
}
