// A PostgreSQL server of one's own, for tests and benchmarks: an own cluster in a temporary folder, on loopback.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

/** The folder of `initdb` and `postgres`: Debian keeps them off PATH, in a folder for each version. */
export function postgresBinaries() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const onPath = (process.env.PATH ?? '').split(':');
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...onPath];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** PostgreSQL refuses to run as root; there, it runs as nobody. */
function account() {
  if (process.getuid?.() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** As files that only the server's account can read: it insists on that. */
function giveCertificate(data, { key, cert }, as) {
  for (const [name, pem] of Object.entries({ 'server.key': key, 'server.crt': cert })) {
    writeFileSync(join(data, name), pem, { mode: 0o600 });
    if ('uid' in as) chownSync(join(data, name), as.uid, as.gid);
  }
}

/** Makes a cluster and starts it on a free port. */
export async function startPostgres(binaries, { hba = [], tls } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  const as = account();
  if ('uid' in as) chownSync(folder, as.uid, as.gid);
  const data = join(folder, 'data');
  const initialise = ['-D', data, '-U', 'issuer', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
  execFileSync(join(binaries, 'initdb'), initialise, { ...as, stdio: 'pipe', cwd: folder });
  const hbaFile = join(data, 'pg_hba.conf');
  // The first line that fits decides.
  writeFileSync(hbaFile, [...hba, readFileSync(hbaFile, 'utf8')].join('\n'));
  if (tls !== undefined) giveCertificate(data, tls, as);
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off',
    ssl: tls ? 'on' : 'off',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const start = async () => {
    const child = spawn(join(binaries, 'postgres'), ['-D', data, ...args], {
      ...as,
      cwd: folder,
      stdio: 'ignore',
    });
    await untilServing(port, child);
    return child;
  };
  let server = await start();
  const end = async (signal) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  };
  let databases = 0;
  return {
    socketFolder: folder,
    pid: () => server.pid,
    newDatabase: async () => {
      const name = `db${++databases}`;
      await query(port, `create database ${name}`);
      return `postgres://issuer@127.0.0.1:${port}/${name}`;
    },
    kill: async () => {
      // Stopped it makes no more of them. A backend that is at work outlives it, and may answer once more.
      server.kill('SIGSTOP');
      const backends = childrenOf(server.pid);
      await end('SIGKILL');
      for (const backend of backends) killIfThere(backend);
    },
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

/** As Linux has it in /proc; none elsewhere. */
function childrenOf(pid) {
  const processes = existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
  return processes.map(Number).filter((child) => parentOf(child) === pid);
}

function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name, which may hold anything.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function killIfThere(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

async function query(port, statement) {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'issuer', database: 'postgres' });
  await client.connect();
  await client.query(statement);
  await client.end();
}

async function untilServing(port, child) {
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

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
