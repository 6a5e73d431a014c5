import type { DatabaseConnection, Dialect, Driver } from 'kysely';

/** The database could not carry out a statement: unreachable, out of time, out of space. Told to clients as 503. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}

/** SQLSTATE class 23, integrity constraint violation: the data is at fault, not the database. */
function isConstraintViolation(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /^23\d{3}$/.test(code);
}

/** The name of the unique constraint that an insert or update ran into; undefined for every other error. */
export function violatedConstraint(error: unknown): string | undefined {
  return isConstraintViolation(error) ? (error as { constraint?: string }).constraint : undefined;
}

/** The dialect, with every failure of the database as a {@link StorageError}; violated constraints stay what they are. */
export function tellingStorageErrors(dialect: Dialect): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createDriver: () => guardDriver(dialect.createDriver()),
  };
}

function guardDriver(driver: Driver): Driver {
  const acquire = driver.acquireConnection.bind(driver);
  const guarded = new WeakSet<DatabaseConnection>();
  driver.acquireConnection = async (options) => {
    const connection = await acquire(options).catch(toStorageError);
    if (guarded.has(connection)) return connection;
    guarded.add(connection);
    const execute: DatabaseConnection['executeQuery'] = connection.executeQuery.bind(connection);
    connection.executeQuery = <R>(...[query, how]: Parameters<typeof execute>) =>
      execute<R>(query, how).catch(toStorageError);
    return connection;
  };
  return driver;
}

function toStorageError(error: unknown): never {
  if (isConstraintViolation(error)) throw error;
  throw new StorageError('the database failed', { cause: error });
}
