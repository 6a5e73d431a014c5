import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { findOpa, opaVersion } from '../../scripts/lib/opa.mjs';
import { describeWith } from '../support/needs.js';
import { describeWithPostgres } from '../support/postgres.js';
import { regressSources } from './support/fetched-sources.js';
import { runSql, startSqlWorld } from './support/sql-world.js';
import type { SqlWorld } from './support/sql-world.js';

interface Regress {
  readonly program: string;
  readonly sources: string;
}

/** Debian's client package has the program, its source package the tests. */
function regressOf(binaries: string): Regress | undefined {
  const program = join(binaries, '../lib/pgxs/src/test/regress/pg_regress');
  const sources = existsSync(program) ? regressSources(basename(dirname(binaries))) : undefined;
  return sources === undefined ? undefined : { program, sources };
}

/** What pg_regress sets for a database that it makes itself. */
const prepared = [
  'create role suite login superuser',
  'create database regression template template0 owner suite',
  ...['lc_messages', 'lc_monetary', 'lc_numeric', 'lc_time'].map(
    (name) => `alter database regression set ${name} to 'C'`,
  ),
  "alter database regression set bytea_output to 'hex'",
  "alter database regression set timezone_abbreviations to 'Default'",
];

let worlds: SqlWorld[] = [];
afterEach(async () => {
  for (const world of worlds) await world.close();
  worlds = [];
});

/** How each test ended, by its name: in a server of its own, as the tests leave much behind. */
async function runSuite(
  { program, sources }: Regress,
  start: () => Promise<SqlWorld>,
  choose: 'direct' | 'gateway',
): Promise<ReadonlyMap<string, string>> {
  const world = await start();
  worlds.push(world);
  for (const statement of prepared) await runSql(world.adminUrl, statement);
  const { host, port, user, password } = world[choose];
  const output = mkdtempSync(join(tmpdir(), 'regress-'));
  const args = [
    ...['--use-existing', '--dbname=regression', `--host=${host}`, `--port=${port}`, `--user=${user}`],
    ...[`--inputdir=${sources}`, `--outputdir=${output}`, `--dlpath=${sources}`, '--max-concurrent-tests=20'],
    `--bindir=${join(program, '../../../../../../bin')}`,
    `--schedule=${join(sources, 'parallel_schedule')}`,
  ];
  const env = { ...process.env, PGPASSWORD: password };
  const run = promisify(execFile)(program, args, { cwd: output, env, maxBuffer: 1e8 });
  // It ends with 1 when a test failed: those that need a library of the server's sources do.
  const { stdout } = await run.catch((error: unknown) => error as { stdout: string });
  rmSync(output, { recursive: true });
  const ends = stdout.matchAll(/^(?:test| {4,})\s*(\S+)\s+\.\.\. (ok|FAILED)/gm);
  return new Map([...ends].map(([, name = '', end = '']): [string, string] => [name, end]).sort());
}

describeWithPostgres("PostgreSQL's own regression tests", (binaries) => {
  const absence = `no OPA ${opaVersion}: npm run opa:install`;
  describeWith('with a policy', { found: findOpa(), requiredBy: 'REQUIRE_OPA', absence }, (opa) => {
    const sourceAbsence = 'no pg_regress with its tests: Debian with postgresql-client';
    const need = {
      found: regressOf(binaries),
      requiredBy: 'REQUIRE_CLIENTS',
      absence: sourceAbsence,
    } as const;
    describeWith('by pg_regress', need, (regress) => {
      it('end through the gateway as they end at the server', { timeout: 900_000 }, async () => {
        const start = () => startSqlWorld(binaries, opa);
        const direct = await runSuite(regress, start, 'direct');
        expect(direct.size).toBeGreaterThan(200);
        expect(await runSuite(regress, start, 'gateway')).toEqual(direct);
      });
    });
  });
});
