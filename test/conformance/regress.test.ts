import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { findOpa, opaVersion } from '../../scripts/lib/opa.mjs';
import { describeWith } from '../support/needs.js';
import { describeWithPostgres } from '../support/postgres.js';
import { regressSources } from './support/fetched-sources.js';
import { runSql, startSqlWorld } from './support/sql-world.js';
import type { SqlWorld, Way } from './support/sql-world.js';
import { countOf, printCounts } from './support/suite-ends.js';
import type { Ends } from './support/suite-ends.js';

// PostgreSQL's own tests, at the server and through the gateway: REGRESS_TESTS=all runs all of them, which takes minutes.

/**
 * What a gateway could break: every form of COPY, large objects, cursors, prepared statements, transactions, errors,
 * notices, notifications, changed settings and roles, connecting anew, text of all kinds, and psql, which shows what it is
 * told. The first ones make what the others need.
 */
const subset = `test_setup create_index create_aggregate create_misc create_am
  boolean char varchar text bit int8 float8 numeric uuid money strings date timestamptz interval encoding unicode
  copy copyselect copydml copy2 insert insert_conflict errors select transactions portals portals_p2 prepared_xacts
  async psql psql_crosstab guc advisory_lock json jsonb jsonpath plancache plpgsql temp prepare conversion
  returning largeobject xml password arrays rowtypes privileges rowsecurity vacuum infinite_recurse`;
const chosen = process.env.REGRESS_TESTS ?? subset;

interface Regress {
  readonly program: string;
  readonly binaries: string;
  readonly sources: string;
  readonly schedule: Schedule;
}

/** Debian's client package has the program, its source package the tests. */
function regressOf(binaries: string): Regress | undefined {
  const program = join(binaries, '../lib/pgxs/src/test/regress/pg_regress');
  const sources = existsSync(program) ? regressSources(basename(dirname(binaries))) : undefined;
  return sources === undefined ? undefined : { program, binaries, sources, schedule: scheduleOf(sources) };
}

interface Schedule {
  readonly text: string;
  readonly names: readonly string[];
  /** Those whose end is a matter of luck, as PostgreSQL itself says. */
  readonly ignored: ReadonlySet<string>;
}

/** PostgreSQL's own, without what is not chosen: what has to run before or beside what, it knows. */
function scheduleOf(sources: string): Schedule {
  const lines = readFileSync(join(sources, 'parallel_schedule'), 'utf8').split('\n');
  const wanted = new Set(chosen.split(/\s+/));
  const groups = lines
    .map((line) => /^test:(.*)/.exec(line)?.[1]?.match(/\S+/g) ?? [])
    .map((group) => group.filter((name) => chosen === 'all' || wanted.has(name)))
    .filter((group) => group.length > 0);
  return {
    text: groups.map((group) => `test: ${group.join(' ')}\n`).join(''),
    names: groups.flat().sort(),
    ignored: new Set(lines.flatMap((line) => /^ignore: *(\S+)/.exec(line)?.[1] ?? [])),
  };
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

/** In a server of its own, as the tests leave much behind. */
async function runSuite(
  { program, binaries, sources, schedule }: Regress,
  world: SqlWorld,
  { host, port, user, password }: Way,
): Promise<Ends> {
  for (const statement of prepared) await runSql(world.adminUrl, statement);
  const output = outputFolder();
  writeFileSync(join(output, 'schedule'), schedule.text);
  const args = [
    ...['--use-existing', '--dbname=regression', `--host=${host}`, `--port=${port}`, `--user=${user}`],
    ...[`--inputdir=${sources}`, `--outputdir=${output}`, `--dlpath=${sources}`, '--max-concurrent-tests=20'],
    ...[`--bindir=${binaries}`, `--schedule=${join(output, 'schedule')}`],
  ];
  const env = { ...process.env, PGPASSWORD: password };
  const run = promisify(execFile)(program, args, { cwd: output, env, maxBuffer: 1e8 });
  const { stdout } = await run.catch((error: unknown) => {
    const { code, stdout } = error as { readonly code: unknown; readonly stdout: string };
    // When a test failed: those that need a library of the server's sources do.
    if (code === 1) return { stdout };
    throw error;
  });
  rmSync(output, { recursive: true });
  return endsIn(stdout, schedule.ignored);
}

/** The server writes files there too, and may run as somebody else. */
function outputFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'regress-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'results'));
  chmodSync(join(folder, 'results'), 0o777);
  return folder;
}

/** As PostgreSQL 15 says it (`     int8   ... ok   20 ms`), or from 16 on (`ok 5   + int8   20 ms`). */
function endsIn(output: string, ignored: ReadonlySet<string>): Ends {
  const upTo15 = output.matchAll(/^(?:test| {4,})\s*(?<name>\S+)\s+\.\.\. (?<end>ok|FAILED|failed)/gm);
  const from16 = output.matchAll(/^(?<end>ok|not ok) \d+\s+[-+] (?<name>\S+)/gm);
  const ends = [...upTo15, ...from16].map(({ groups }): [string, string] => {
    const { name = '', end = '' } = groups ?? {};
    return [name, ignored.has(name) ? 'ignored' : end === 'ok' ? 'passed' : 'failed'];
  });
  return new Map(ends.sort());
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
        const run = async (choose: 'direct' | 'gateway') => {
          const world = await startSqlWorld(binaries, opa);
          return runSuite(regress, world, world[choose]).finally(() => world.close());
        };
        const direct = await run('direct');
        printCounts('pg_regress at the server', direct);
        const relayed = await run('gateway');
        printCounts('pg_regress through the gateway', relayed);
        expect([...direct.keys()]).toEqual(regress.schedule.names);
        expect(countOf(direct, 'passed')).toBeGreaterThan(direct.size / 2);
        expect(relayed).toEqual(direct);
      });
    });
  });
});
