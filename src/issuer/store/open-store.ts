import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, PostgresDialect } from 'kysely';
import type { Dialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Logger } from 'pino';
import { errorText } from '../../base/error-text.js';
import { SetupError, exitUnavailable } from '../../base/setup-error.js';
import { lockFolder } from './folder-lock.js';
import type { FolderLock } from './folder-lock.js';
import { migrations } from './migrations.js';
import { ReliablePool } from './postgres-pool.js';
import type { IssuerSchema } from './schema.js';
import { StorageError, tellingStorageErrors } from './storage-error.js';

export type Database = Kysely<IssuerSchema>;

export interface Store {
  readonly db: Database;
  /** True for the embedded database: nothing changes in it but by this process, so what was read may be remembered. */
  readonly isExclusive: boolean;
  /** Counts the calls of `change`: what was read under another number may be out of date. */
  readonly generation: number;
  /**
   * Changes, in one transaction, what others may remember: clients, users, servers, scopes, revocations. Rows that
   * nobody can have read before need no such call.
   */
  change<T>(work: (transaction: Database) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

class OpenStore implements Store {
  readonly db: Database;
  readonly isExclusive: boolean;
  generation = 0;
  readonly #lock: FolderLock | undefined;

  constructor(db: Database, isExclusive: boolean, lock?: FolderLock) {
    this.db = db;
    this.isExclusive = isExclusive;
    this.#lock = lock;
  }

  async change<T>(work: (transaction: Database) => Promise<T>): Promise<T> {
    try {
      return await this.db.transaction().execute(work);
    } finally {
      // Also after a failure: whether a commit took place is not always known.
      this.generation++;
    }
  }

  async close(): Promise<void> {
    await this.db.destroy();
    this.#lock?.release();
  }
}

/** PostgreSQL can't be reached, or refuses. */
class DatabaseUnavailable extends SetupError {
  override readonly name = 'DatabaseUnavailable';
  override readonly exitCode = exitUnavailable;
}

/** The folder behind `pglite:./folder`, absolute; undefined for `pglite:memory` and for PostgreSQL. */
export function folderOf(databaseUrl: string): string | undefined {
  const place = /^pglite:(.+)$/.exec(databaseUrl)?.[1];
  return place === undefined || place === 'memory' ? undefined : resolve(place);
}

function isPostgres(databaseUrl: string): boolean {
  return /^postgres(ql)?:/.test(databaseUrl);
}

/**
 * Opens the database and brings its tables up to date; of several processes that do so at once, one does it.
 *
 * @param databaseUrl `pglite:memory`, `pglite:` and a folder, or `postgres://…`
 * @throws FolderInUse when another process has the folder open; SetupError when the database can't be used
 */
export async function openStore(databaseUrl: string, logger?: Logger): Promise<Store> {
  if (isPostgres(databaseUrl)) return openPostgres(databaseUrl, logger);
  const folder = folderOf(databaseUrl);
  const lock = folder === undefined ? undefined : lockFolder(folder);
  try {
    const pglite = await PGlite.create(folder === undefined ? undefined : join(folder, 'database'));
    return new OpenStore(await openDatabase(new PGliteDialect({ pglite })), true, lock);
  } catch (error) {
    lock?.release();
    throw new SetupError(unusable(error), { cause: error });
  }
}

async function openPostgres(connectionString: string, logger: Logger | undefined): Promise<Store> {
  try {
    const pool = new ReliablePool(connectionString, logger);
    return new OpenStore(await openDatabase(new PostgresDialect({ pool })), false);
  } catch (error) {
    throw new DatabaseUnavailable(unusable(error), { cause: error });
  }
}

async function openDatabase(dialect: Dialect): Promise<Database> {
  const db: Database = new Kysely({ dialect: tellingStorageErrors(dialect) });
  try {
    await migrate(db);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** Kysely holds an advisory lock meanwhile. */
async function migrate(db: Database): Promise<void> {
  const provider = { getMigrations: () => Promise.resolve({ ...migrations }) };
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error !== undefined) throw error instanceof Error ? error : new Error(errorText(error));
}

/** Says why in the database's own words; a connection string, with its password, is in none of them. */
function unusable(error: unknown): string {
  const cause = error instanceof StorageError ? error.cause : error;
  // A name with several addresses: each of them refused for a reason of its own.
  const reasons = cause instanceof AggregateError ? cause.errors : [cause];
  return `the issuer's database can't be opened: ${reasons.map(errorText).join('; ')}`;
}
