import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findOpa, opaVersion } from '../../scripts/lib/opa.mjs';
import { describeWith } from '../support/needs.js';
import { describeWithPostgres } from '../support/postgres.js';
import { psycopg2Sources } from './support/fetched-sources.js';
import { runSql, startSqlWorld } from './support/sql-world.js';
import type { SqlWorld, Way } from './support/sql-world.js';
import { countOf, printCounts } from './support/suite-ends.js';
import type { Ends } from './support/suite-ends.js';

type Sources = NonNullable<ReturnType<typeof psycopg2Sources>>;

const program = "import tests; tests.unittest.main(defaultTest='tests.test_suite')";

/** By the word of Python's unittest. */
const ends: Readonly<Record<string, string>> = {
  ok: 'passed',
  skipped: 'skipped',
  FAIL: 'failed',
  ERROR: 'errors',
};

async function runSuite({ python, sources }: Sources, way: Way): Promise<Ends> {
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
  // Some say what they are about in a line of its own, before the end.
  const all = stderr.matchAll(/^(test\w+ \(.*?\))(?:\n(?!test).*)? \.\.\. (ok|FAIL|ERROR|skipped)/gm);
  const read = new Map([...all].map(([, name = '', end = '']): [string, string] => [name, ends[end] ?? end]));
  expect(read.size).toBe(Number(/^Ran (\d+) tests/m.exec(stderr)?.[1]));
  return new Map([...read].sort());
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
        printCounts('psycopg2 at the server', direct);
        const relayed = await runSuite(sources, world.gateway);
        printCounts('psycopg2 through the gateway', relayed);
        expect(countOf(direct, 'passed')).toBeGreaterThan(500);
        expect(relayed).toEqual(direct);
      });
    });
  });
});
