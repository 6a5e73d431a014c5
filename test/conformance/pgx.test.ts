import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findOpa, opaVersion } from '../../scripts/lib/opa.mjs';
import { describeWith } from '../support/needs.js';
import { describeWithPostgres } from '../support/postgres.js';
import { runSql, startSqlWorld } from './support/sql-world.js';
import type { SqlWorld, Way } from './support/sql-world.js';
import { countOf, printCounts } from './support/suite-ends.js';
import type { Ends } from './support/suite-ends.js';

// pgx's own tests, at the server and through the gateway: PGX_PACKAGES=./... runs all of them, which takes minutes.

const version = 'v5.12.0';
const packages = (process.env.PGX_PACKAGES ?? '. ./pgtype ./stdlib').split(' ');
const sources = resolve('.cache', `pgx-${version}`);

/** A copy that can be written to, as Go wants it of a main module; undefined without Go or its proxy. */
function pgxSources(): string | undefined {
  if (existsSync(`${sources}/go.sum`)) return sources;
  try {
    const found = execFileSync('go', ['mod', 'download', '-json', `github.com/jackc/pgx/v5@${version}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { Dir } = JSON.parse(found) as { Dir: string };
    rmSync(sources, { recursive: true, force: true });
    cpSync(Dir, sources, { recursive: true });
    execFileSync('chmod', ['-R', 'u+w', sources]);
    return sources;
  } catch {
    return undefined;
  }
}

/** What pgx's tests expect to find in their database. */
const prepared = `create role suite login superuser; create role postgres superuser;
  create extension hstore; create extension ltree; create extension citext; create domain uint64 as numeric(20,0)`;

/** By the action of `go test -json`. */
const ends: Readonly<Record<string, string>> = { pass: 'passed', skip: 'skipped', fail: 'failed' };

async function runSuite(folder: string, way: Way): Promise<Ends> {
  const { host, port, user, password, database } = way;
  const PGX_TEST_DATABASE = `host=${host} port=${port} user=${user} password=${password} dbname=${database} sslmode=require`;
  const run = promisify(execFile)('go', ['test', '-json', '-count=1', '-p', '1', ...packages], {
    cwd: folder,
    env: { ...process.env, PGX_TEST_DATABASE },
    maxBuffer: 1024 ** 3,
  });
  // It ends with 1 when a test failed, as some may at the server too.
  const { stdout } = await run.catch((error: unknown) => error as { stdout: string });
  const all = stdout.split('\n').flatMap((line): [string, string][] => {
    const event = line.startsWith('{') ? (JSON.parse(line) as Record<string, string>) : {};
    const { Package = '', Test, Action = '' } = event;
    const end = ends[Action];
    // Some have the name of a temporary folder in theirs.
    return Test === undefined || end === undefined
      ? []
      : [[`${Package} ${Test.replaceAll(/\d{6,}/g, '#')}`, end]];
  });
  return new Map(all.sort());
}

describeWithPostgres("pgx's own tests", (binaries) => {
  const absence = `no OPA ${opaVersion}: npm run opa:install`;
  describeWith('with a policy', { found: findOpa(), requiredBy: 'REQUIRE_OPA', absence }, (opa) => {
    const need = {
      found: pgxSources(),
      requiredBy: 'REQUIRE_CLIENTS',
      absence: 'no Go, or no pgx for it',
    } as const;
    describeWith(packages.join(' '), need, (folder) => {
      let world: SqlWorld;
      beforeAll(async () => {
        world = await startSqlWorld(binaries, opa);
        await runSql(world.adminUrl, prepared);
      });
      afterAll(() => world.close());

      it('end through the gateway as they end at the server', { timeout: 900_000 }, async () => {
        const direct = await runSuite(folder, world.direct);
        printCounts('pgx at the server', direct);
        const relayed = await runSuite(folder, world.gateway);
        printCounts('pgx through the gateway', relayed);
        expect(countOf(direct, 'passed')).toBeGreaterThan(500);
        expect(relayed).toEqual(direct);
      });
    });
  });
});
