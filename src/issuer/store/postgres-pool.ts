import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { DatabaseError, Pool } from 'pg';
import type { PoolClient } from 'pg';
import type { Logger } from 'pino';

/** Connections to PostgreSQL at most, for one process. */
const maxConnections = 10;
/** A statement, or getting a connection, that takes longer has failed. */
const timeoutMs = 5000;
/** More than the server takes to end a statement by itself: past this, the server or the way to it hangs. */
const silenceMs = timeoutMs + 500;

/**
 * Connections to PostgreSQL, for Kysely. One on which the server did not answer in time, or in PostgreSQL's protocol, is
 * given up and not lent again: `pg` itself would queue the next statement behind the one that hangs.
 */
export class ReliablePool implements PostgresPool {
  /** Told to Kysely for the connections it opens itself, to cancel statements: none are. */
  readonly options = {};
  readonly #pool: Pool;
  /** Kysely knows a connection again by the object that stands for it. */
  readonly #lent = new WeakMap<PoolClient, PostgresPoolClient>();

  constructor(connectionString: string, logger: Logger | undefined) {
    this.#pool = new Pool({
      connectionString,
      max: maxConnections,
      connectionTimeoutMillis: timeoutMs,
      statement_timeout: timeoutMs,
      query_timeout: silenceMs,
      application_name: 'nest-okta-opa issuer',
    });
    // Whether lent or idle, a connection that breaks is replaced; an error that nobody hears would end the process.
    this.#pool.on('connect', (client) => {
      client.on('error', (error) => logger?.warn({ err: error }, 'a connection to the database broke'));
    });
    this.#pool.on('error', () => undefined);
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect();
    const lent = this.#lent.get(client) ?? lend(client);
    this.#lent.set(client, lent);
    return lent;
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}

function lend(client: PoolClient): PostgresPoolClient {
  let failure: Error | undefined;
  const query = async (text: string, parameters: readonly unknown[]): Promise<unknown> => {
    // The end of its transaction would only wait once more.
    if (failure !== undefined) throw failure;
    try {
      return await client.query(text, [...parameters]);
    } catch (error) {
      if (!(error instanceof DatabaseError)) failure = error as Error;
      throw error;
    }
  };
  return {
    query: query as PostgresPoolClient['query'],
    release: (discard) => {
      client.release(discard === true || failure !== undefined);
    },
  };
}
