/** A PostgreSQL server of one's own. */
export interface PostgresServer {
  /** The folder of its Unix socket. */
  readonly socketFolder: string;
  pid(): number | undefined;
  /** A new, empty database: `postgres://…`. */
  newDatabase(): Promise<string>;
  /** Ends it as a failing machine would. */
  kill(): Promise<void>;
  /** Starts it again, with what it had. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface PostgresOptions {
  /** Lines of pg_hba.conf that come before those that trust everybody. */
  readonly hba?: readonly string[];
  /** PEM; TLS is off without. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** The folder of `initdb` and `postgres`; undefined where there is none. */
export function postgresBinaries(): string | undefined;

/** @param binaries as from {@link postgresBinaries} */
export function startPostgres(binaries: string, options?: PostgresOptions): Promise<PostgresServer>;
