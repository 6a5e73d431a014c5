import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { describeWith } from './needs.js';
import { freePort } from './opa.js';

/** A PostgreSQL server of this test's own. */
export interface PostgresServer {
  /** A new, empty database: `postgres://…`. */
  newDatabase(): Promise<string>;
  /** Ends it as a failing machine would. */
  kill(): Promise<void>;
  /** Starts it again, with what it had. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A suite that needs PostgreSQL's server programs: skipped by name without them, failing under `REQUIRE_POSTGRES=1`. */
export function describeWithPostgres(what: string, body: (binaries: string) => void): void {
  const absence = 'no PostgreSQL server: apt-get install postgresql';
  describeWith(what, { found: postgresBinaries(), requiredBy: 'REQUIRE_POSTGRES', absence }, body);
}

/** The folder of `initdb` and `postgres`: Debian keeps them off PATH, in a folder for each version. */
export function postgresBinaries(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const onPath = (process.env.PATH ?? '').split(':');
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...onPath];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** PostgreSQL refuses to run as root; there, it runs as nobody. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Makes a cluster and starts it on a free port of loopback. */
export async function startPostgres(binaries: string): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  const { uid, gid } = account();
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  const as = uid === undefined || gid === undefined ? {} : { uid, gid };
  const data = join(folder, 'data');
  const initialise = ['-D', data, '-U', 'issuer', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
  execFileSync(join(binaries, 'initdb'), initialise, { ...as, stdio: 'pipe', cwd: folder });
  const port = await freePort();
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off' };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const start = async (): Promise<ChildProcess> => {
    const child = spawn(join(binaries, 'postgres'), ['-D', data, ...args], {
      ...as,
      cwd: folder,
      stdio: 'ignore',
    });
    await untilServing(port, child);
    return child;
  };
  let server = await start();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  };
  let databases = 0;
  return {
    newDatabase: async () => {
      const name = `db${++databases}`;
      await query(port, `create database ${name}`);
      return `postgres://issuer@127.0.0.1:${port}/${name}`;
    },
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGINT');
      server = await start();
    },
    close: async () => {
      // Fast shutdown: clients are not waited for.
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function query(port: number, statement: string): Promise<void> {
  const client = new Client({ host: '127.0.0.1', port, user: 'issuer', database: 'postgres' });
  await client.connect();
  await client.query(statement);
  await client.end();
}

async function untilServing(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode}`);
    try {
      await query(port, 'select 1');
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
