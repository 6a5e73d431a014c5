import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findOpa, opaVersion } from '../../scripts/lib/opa.mjs';
import { describeWith } from '../support/needs.js';
import { describeWithPostgres } from '../support/postgres.js';
import { psycopg2Sources } from './support/fetched-sources.js';
import { runSql, startSqlWorld } from './support/sql-world.js';
import type { SqlWorld, Way } from './support/sql-world.js';

type Sources = NonNullable<ReturnType<typeof psycopg2Sources>>;

const program = "import tests; tests.unittest.main(defaultTest='tests.test_suite')";

/** How each test ended, by its name. */
async function runSuite({ python, sources }: Sources, way: Way): Promise<ReadonlyMap<string, string>> {
  const env = {
    ...process.env,
    PSYCOPG2_TESTDB: way.database,
    PSYCOPG2_TESTDB_HOST: way.host,
    PSYCOPG2_TESTDB_PORT: String(way.port),
    PSYCOPG2_TESTDB_USER: way.user,
    PSYCOPG2_TESTDB_PASSWORD: way.password,
  };
  const run = promisify(execFile)(python, ['-c', program, '--verbose'], {
    cwd: sources,
    env,
    maxBuffer: 1e8,
  });
  // It ends with 1 when a test failed, as some may at the server too.
  const { stderr } = await run.catch((error: unknown) => error as { stderr: string });
  const ends = stderr.matchAll(/^(test\w+ \(.*?\)).*\.\.\. (ok|FAIL|ERROR|skipped)/gm);
  return new Map([...ends].map(([, name = '', end = '']): [string, string] => [name, end]).sort());
}

describeWithPostgres("psycopg2's own tests", (binaries) => {
  const absence = `no OPA ${opaVersion}: npm run opa:install`;
  describeWith('with a policy', { found: findOpa(), requiredBy: 'REQUIRE_OPA', absence }, (opa) => {
    const need = { found: psycopg2Sources(), requiredBy: 'REQUIRE_CLIENTS', absence: 'no psycopg2' } as const;
    describeWith('of its source distribution', need, (sources) => {
      let world: SqlWorld;
      beforeAll(async () => {
        world = await startSqlWorld(binaries, opa);
        await runSql(world.adminUrl, 'create role suite login superuser; create extension hstore');
      });
      afterAll(() => world.close());

      it('end through the gateway as they end at the server', { timeout: 900_000 }, async () => {
        const direct = await runSuite(sources, world.direct);
        expect(direct.size).toBeGreaterThan(500);
        expect(await runSuite(sources, world.gateway)).toEqual(direct);
      });
    });
  });
});
