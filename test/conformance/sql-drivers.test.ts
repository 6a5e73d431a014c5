import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inSeconds, signToken, startTestGateway } from '../gateway/support/gateway.js';
import type { TestGateway } from '../gateway/support/gateway.js';
import { describeWith } from '../support/needs.js';
import { describeWithPostgres } from '../support/postgres.js';
import { jdbcJar, pgxLogin, psqlProgram, pythonWithDrivers } from './support/runtimes.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** The longest token that PostgreSQL's protocol has room for, in bytes. */
const longest = 65_535;
const expired = 'the token of this session has expired: connect with a new one';

/** What is run, of what the machine has, and what it says at the end of its session. */
interface Client {
  readonly found: string | undefined;
  readonly absence: string;
  readonly command: (found: string) => readonly string[];
  readonly end: string;
}

const program = (...path: string[]): string => join(import.meta.dirname, ...path);

const byPython = (driver: string, end: string): Client => ({
  found: pythonWithDrivers(),
  absence: 'no drivers for Python: apt-get install python3-venv',
  command: (python) => [python, program('python', 'login.py'), driver],
  end,
});

const queries = ['-c', 'select current_user', '-c', 'select pg_sleep(600)'];

const clients: Readonly<Record<string, Client>> = {
  psql: {
    found: psqlProgram(),
    absence: 'no psql: apt-get install postgresql-client',
    command: (psql) => [psql, '-XAtv', 'VERBOSITY=verbose', ...queries],
    end: `FATAL:  57P01: ${expired}`,
  },
  'psycopg 3': byPython('psycopg', `57P01 ${expired}`),
  // As at PostgreSQL itself: it takes no notice of why a connection over TLS ends.
  psycopg2: byPython('psycopg2', 'None SSL connection has been closed unexpectedly'),
  pgx: {
    found: pgxLogin(),
    absence: 'no Go, or no pgx for it',
    command: (login) => [login],
    end: `57P01 ${expired}`,
  },
  JDBC: {
    found: jdbcJar(),
    absence: 'no JDBC driver: apt-get install default-jdk-headless maven',
    command: (jar) => ['java', '-cp', jar, program('java', 'Login.java')],
    end: `57P01 FATAL: ${expired}`,
  },
};

describeWithPostgres('the drivers of the field', (binaries) => {
  const folder = temporaryFolder();
  const ca = join(folder.path, 'ca.crt');
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startTestGateway(binaries, { GATEWAY_MAX_SESSION: '3' });
    writeFileSync(ca, gateway.ca);
  });
  afterAll(async () => {
    await gateway.close();
    folder.remove();
  });

  /** What it prints, a line each; its exit code is its own affair. */
  async function printed([command = '', ...words]: readonly string[]): Promise<string[]> {
    const env = {
      PATH: process.env.PATH,
      PGHOST: 'localhost',
      PGPORT: String(gateway.port),
      PGDATABASE: gateway.database,
      PGUSER: 'alice',
      PGPASSWORD: longToken(gateway),
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: ca,
    };
    const run = promisify(execFile)(command, words, { env });
    const { stdout, stderr } = await run.catch((error: unknown) => error as Awaited<typeof run>);
    return `${stdout}${stderr}`.split('\n');
  }

  for (const [name, { end, command, ...need }] of Object.entries(clients)) {
    describeWith(name, { ...need, requiredBy: 'REQUIRE_CLIENTS' }, (found) => {
      it('takes the longest token, checks the certificate, and sees the session end', async () => {
        const [user, ...others] = await printed(command(found));
        expect([user, others]).toEqual(['alice', expect.arrayContaining([end])]);
      });
    });
  }
});

function longToken({ privateKey }: TestGateway): string {
  const claims = { sub: 'alice', exp: inSeconds(3600) };
  const tokenOf = (length: number) => signToken({ ...claims, groups: 'g'.repeat(length) }, privateKey);
  const unpadded = tokenOf(0).length;
  const token = tokenOf(Math.floor(((longest - unpadded) / 4) * 3));
  expect(token.length).toBeGreaterThan(longest - 4);
  return token;
}
