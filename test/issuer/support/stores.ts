import { afterAll, beforeAll, describe } from 'vitest';
import { describeWithPostgres, startPostgres } from '../../support/postgres.js';
import type { PostgresServer } from '../../support/postgres.js';

export interface StoreUnderTest {
  /** `ISSUER_DATABASE_URL` of a database that nobody has used. */
  readonly newDatabase: () => Promise<string>;
}

/** The same tests on the embedded database and on a real PostgreSQL. */
export function describeOnEveryStore(what: string, body: (store: StoreUnderTest) => void): void {
  describe(`${what}, on PGlite`, () => {
    body({ newDatabase: () => Promise.resolve('pglite:memory') });
  });
  describeWithPostgres(`${what}, on PostgreSQL`, (binaries) => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await startPostgres(binaries);
    });
    afterAll(() => server.close());
    body({ newDatabase: () => server.newDatabase() });
  });
}
