// What the SQL gateway costs, beside a direct connection, a bare pipe, pgbouncer and jwt-postgresql-proxy.
import { execFile, execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { postgresBinaries, startPostgres } from '../../support/postgres-server.mjs';
import { cpuMicros, freePort, residentMiB, start, stop } from './processes.mjs';
import { pythonEnvironment } from './python.mjs';
import { against, markdown, median } from './report.mjs';

const run = promisify(execFile);
const proxyFolder = fileURLToPath(new URL('../peers/sql-proxy', import.meta.url));
const pipe = fileURLToPath(new URL('../peers/sql-pipe.mjs', import.meta.url));
const clients = 8;
/** Microseconds of CPU a transaction, at most. */
const cpuGoals = { plain: 18, TLS: 26 };
const role = 'bench';
const copyMegabytes = 200;

/**
 * Every row in each round, so that a change of the machine's mood meets all of them.
 *
 * @param {{ root: string }} setup
 * @param {{ rounds: number, seconds: number }} plan
 * @returns medians, and why a peer was left out
 */
export async function measureGateway({ root }, plan) {
  const binaries = postgresBinaries();
  if (binaries === undefined) return { rows: [], skipped: ['SQL gateway: needs PostgreSQL'] };
  const folder = mkdtempSync(join(tmpdir(), 'bench-gateway-'));
  const files = makeCertificate(folder);
  const tls = { key: readFileSync(files.key, 'utf8'), cert: readFileSync(files.cert, 'utf8') };
  const postgres = await startPostgres(binaries, { tls });
  try {
    const database = new URL(await postgres.newDatabase());
    await fill(database, binaries);
    const keys = generateKeyPairSync('ed25519');
    const setup = { root, folder, files, database, binaries, keys, token: tokenOf(keys.privateKey) };
    const { targets, skipped } = await startTargets(setup);
    const runs = [];
    for (let round = 1; round <= plan.rounds; round++)
      for (const target of targets) {
        const figures = await measureTarget(target, setup, plan);
        runs.push({ target, ...figures });
        process.stdout.write(
          `round ${round}: ${target.title}: ${figures.perSecond.toFixed(0)} transactions/s\n`,
        );
      }
    await Promise.all(targets.flatMap(({ process: server }) => (server ? [stop(server)] : [])));
    return {
      rows: targets.map((target) => mediansOf(runs.filter((each) => each.target === target))),
      skipped,
    };
  } finally {
    await postgres.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeCertificate(folder) {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...kind, '-days', '2', ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  return { key, cert };
}

async function fill(database, binaries) {
  execFileSync(join(binaries, 'pgbench'), ['-i', '-q', '-s', '5', database.href], { stdio: 'ignore' });
  const admin = new pg.Client(database.href);
  await admin.connect();
  await admin.query(`create role ${role} login superuser`);
  await admin.query(
    `create table wide as select i, repeat('x', 200) as t from generate_series(1, ${copyMegabytes * 5000}) i`,
  );
  await admin.query('vacuum analyze');
  await admin.query('alter role bench nosuperuser; grant select on all tables in schema public to bench');
  await admin.end();
}

function tokenOf(privateKey) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 86_400;
  const input = `${encode({ typ: 'JWT', alg: 'EdDSA', crv: 'Ed25519' })}.${encode({ sub: role, exp })}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}

async function startTargets(setup) {
  const { database } = setup;
  const targets = [];
  for (const tls of [false, true]) {
    const kind = tls ? 'TLS' : 'plain';
    targets.push({ name: 'direct', kind, title: `direct, ${kind}`, port: Number(database.port), tls });
    targets.push(await startGateway(setup, tls));
    targets.push(await startPipe(setup, tls));
    if (existsSync('/usr/sbin/pgbouncer')) targets.push(await startPgbouncer(setup, tls));
  }
  const skipped = existsSync('/usr/sbin/pgbouncer') ? [] : ['pgbouncer: not installed'];
  const proxy = await startProxy(setup);
  if ('skipped' in proxy) skipped.push(proxy.skipped);
  else targets.push(proxy);
  return { targets, skipped };
}

/** The field's own names, as its proxy has them. */
function proxyEnvironment({ database, files, keys }, port) {
  return {
    PUBLIC_KEYS__1: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    UPSTREAM__HOST: database.hostname,
    UPSTREAM__PORT: database.port,
    UPSTREAM__PASSWORD: 'unused',
    DOWNSTREAM__IP: '127.0.0.1',
    DOWNSTREAM__PORT: String(port),
    DOWNSTREAM__CERTFILE: files.cert,
    DOWNSTREAM__KEYFILE: files.key,
  };
}

async function startGateway(setup, tls) {
  const [port, managementPort] = [await freePort(), await freePort()];
  const env = {
    ...proxyEnvironment(setup, port),
    GATEWAY_MANAGEMENT_PORT: String(managementPort),
    DOWNSTREAM__SSLMODE: tls ? 'require' : 'disable',
    UPSTREAM__SSLMODE: tls ? 'require' : 'disable',
  };
  const title = `gateway, ${tls ? 'TLS' : 'plain'}`;
  const main = join(setup.root, 'dist', 'gateway', 'main.js');
  const server = start(title, process.execPath, ['--max-semi-space-size=4', main], { env, cwd: setup.root });
  await untilAccepting(server, port);
  return { name: 'gateway', kind: tls ? 'TLS' : 'plain', title, port, tls, process: server };
}

/** What Node itself costs: nothing is looked at. */
async function startPipe({ database, files }, tls) {
  const port = await freePort();
  const title = `bare Node pipe, ${tls ? 'TLS' : 'plain'}`;
  const certificate = tls ? [files.cert, files.key] : [];
  const server = start(title, process.execPath, [pipe, String(port), database.port, ...certificate]);
  await untilAccepting(server, port);
  return { name: 'pipe', kind: tls ? 'TLS' : 'plain', title, port, tls, process: server };
}

/** One connection at the server for each client, as the others have it; it refuses to run as root. */
async function startPgbouncer({ folder, database, files }, tls) {
  const port = await freePort();
  const ini = join(folder, `pgbouncer-${port}.ini`);
  const users = join(folder, 'users.txt');
  writeFileSync(users, `"${role}" ""\n`);
  const security = tls
    ? [
        'client_tls_sslmode = require',
        `client_tls_key_file = ${files.key}`,
        `client_tls_cert_file = ${files.cert}`,
        'server_tls_sslmode = require',
      ]
    : ['server_tls_sslmode = disable'];
  writeFileSync(
    ini,
    [
      '[databases]',
      `* = host=${database.hostname} port=${database.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'auth_type = trust',
      `auth_file = ${users}`,
      'pool_mode = session',
      'default_pool_size = 100',
      'unix_socket_dir =',
      ...security,
      '',
    ].join('\n'),
  );
  const nobody = Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }));
  if (process.getuid?.() === 0)
    for (const path of [folder, ini, users, files.key, files.cert]) chownSync(path, nobody, -1);
  const title = `pgbouncer, ${tls ? 'TLS' : 'plain'}`;
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const server = start(title, '/usr/sbin/pgbouncer', [...asNobody, ini], { cwd: folder });
  await untilAccepting(server, port);
  return { name: 'pgbouncer', kind: tls ? 'TLS' : 'plain', title, port, tls, process: server };
}

async function startProxy(setup) {
  const python = await pythonEnvironment(join(setup.root, '.cache', 'bench-sql-proxy'), proxyFolder);
  if ('skipped' in python) return { skipped: `jwt-postgresql-proxy: ${python.skipped}` };
  const port = await freePort();
  const program = ['-c', 'import jwt_postgresql_proxy; jwt_postgresql_proxy.main()'];
  const server = start('jwt-postgresql-proxy', join(python.folder, 'bin', 'python'), program, {
    env: proxyEnvironment(setup, port),
  });
  await untilAccepting(server, port);
  return { name: 'proxy', kind: 'TLS', title: 'jwt-postgresql-proxy, TLS', port, tls: true, process: server };
}

async function untilAccepting(server, port) {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (server.hasEnded) throw new Error(`${server.name} ended before it served:\n${server.errors}`);
    if (await accepts(port)) return;
    await wait(20);
  }
  throw new Error(`${server.name} does not accept connections:\n${server.errors}`);
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function measureTarget(target, setup, { seconds }) {
  const { binaries } = setup;
  const pgbench = (args) => bench(binaries, target, setup, args);
  await pgbench(['-S', '-T', '1']);
  const before = target.process && cpuMicros(target.process);
  const select = await pgbench(['-S', '-T', String(seconds)]);
  const cpuMicrosPerTransaction =
    target.process && (cpuMicros(target.process) - before) / select.transactions;
  const connects = await pgbench(['-S', '-C', '-T', String(seconds)]);
  // Each takes half a second, too little to be believed alone.
  const copies = [];
  for (let copy = 0; copy < 3; copy++) copies.push(await timeCopy(target, setup));
  const copySeconds = median(copies);
  const resident = target.process && residentMiB(target.process).peak;
  return {
    perSecond: select.perSecond,
    cpuMicrosPerTransaction,
    connectsPerSecond: connects.transactions / seconds,
    copyPerSecond: copyMegabytes / copySeconds,
    residentMiB: resident,
  };
}

function clientEnvironment({ port, tls }, { database, token }) {
  return {
    PATH: process.env.PATH,
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: role,
    PGDATABASE: database.pathname.slice(1),
    PGPASSWORD: token,
    PGSSLMODE: tls ? 'require' : 'disable',
  };
}

async function bench(binaries, target, setup, args) {
  const { stdout } = await run(join(binaries, 'pgbench'), ['-n', '-c', String(clients), ...args], {
    env: clientEnvironment(target, setup),
  });
  const transactions = Number(/actually processed: (\d+)/.exec(stdout)?.[1]);
  const perSecond = Number(
    /tps = ([\d.]+) \(without/.exec(stdout)?.[1] ?? /tps = ([\d.]+)/.exec(stdout)?.[1],
  );
  return { transactions, perSecond };
}

async function timeCopy(target, setup) {
  const began = performance.now();
  await run(join(setup.binaries, 'psql'), ['-qc', '\\copy wide to /dev/null'], {
    env: clientEnvironment(target, setup),
  });
  return (performance.now() - began) / 1000;
}

function mediansOf(runs) {
  const { target } = runs[0];
  const of = (figure) =>
    runs[0][figure] === undefined ? undefined : median(runs.map((each) => each[figure]));
  return {
    name: target.name,
    kind: target.kind,
    title: target.title,
    perSecond: of('perSecond'),
    cpuMicrosPerTransaction: of('cpuMicrosPerTransaction'),
    connectsPerSecond: of('connectsPerSecond'),
    copyPerSecond: of('copyPerSecond'),
    residentMiB: of('residentMiB'),
  };
}

/** The measurements as Markdown. */
export function gatewayTable(rows) {
  const find = (name, kind) => rows.find((row) => row.name === name && row.kind === kind);
  const head = [
    'what',
    'select-only/s',
    'of direct',
    'CPU µs',
    'connects/s',
    'COPY out, of direct',
    'RSS MiB',
    'goals',
  ];
  const lines = rows.map((row) => {
    const direct = find('direct', row.kind);
    return [
      row.title,
      row.perSecond.toFixed(0),
      (row.perSecond / direct.perSecond).toFixed(2),
      row.name === 'gateway'
        ? against(row.cpuMicrosPerTransaction, cpuGoals[row.kind], 'most', 1)
        : (row.cpuMicrosPerTransaction?.toFixed(1) ?? ''),
      row.connectsPerSecond.toFixed(0),
      row.name === 'gateway'
        ? against(row.copyPerSecond / direct.copyPerSecond, 0.95, 'least', 2)
        : (row.copyPerSecond / direct.copyPerSecond).toFixed(2),
      row.residentMiB?.toFixed(0) ?? '',
      row.name === 'gateway' ? goalsAgainstPeers(row, find) : '',
    ];
  });
  return markdown(head, lines);
}

function goalsAgainstPeers(row, find) {
  const [bouncer, proxy] = [find('pgbouncer', row.kind), find('proxy', row.kind)];
  const ratio = (figure, peer, goal, what) =>
    peer === undefined ? [] : [`${against(row[figure] / peer[figure], goal, 'least', 2)} ${what}`];
  return [
    ...ratio('perSecond', proxy, 1.6, 'of the proxy'),
    ...(row.kind === 'TLS' ? ratio('perSecond', bouncer, 1, 'of pgbouncer') : []),
    ...ratio('connectsPerSecond', proxy, 1.3, 'of the proxy in connects'),
  ].join('; ');
}
