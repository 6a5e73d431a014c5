import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { endNow, runProgram } from '../support/api-process.js';
import type { ApiProcess } from '../support/api-process.js';
import { describeWith } from '../support/needs.js';
import { postgresBinaries, startPostgres } from '../support/postgres-server.mjs';
import type { PostgresServer } from '../support/postgres-server.mjs';
import { inSeconds, signToken, writeCertificate } from './support/gateway.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// The nightly run has ten times as many.
const logins = Number(process.env.LEAK_LOGINS ?? 1_000);
const sessions = Number(process.env.LEAK_SESSIONS ?? 100);
const atOnce = 16;

/** As docs/sql.md has it: the C library of Debian keeps what sessions have freed. */
const allocator = {
  LD_PRELOAD: 'libjemalloc.so.2',
  MALLOC_CONF: 'background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0',
};
/** The space for young objects that `npm run start:gateway` has, MiB. */
const youngMiB = 4;

/** The old objects of a process that leaks nothing fit into this, MiB; without a bound V8 lets garbage lie. */
const heapMiB = 64;

const rounds = 4;
/** Logins after which everything has been loaded and compiled that is going to be. */
const warmUp = 500;
/** What the process has more than after them, whatever the number of logins, sessions and rounds: some 20 MiB. */
const noiseMiB = 32;

/** As V8 writes it: nodes are runs of numbers, of which `node_fields` tells the meaning. */
interface HeapSnapshot {
  readonly snapshot: {
    readonly meta: { readonly node_fields: readonly string[]; readonly node_types: [string[]] };
  };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

/** @throws Error while it is not complete */
function wholeSnapshot(folder: string): string {
  const name = readdirSync(folder).find((file) => file.endsWith('.heapsnapshot'));
  const text = name === undefined ? '' : readFileSync(join(folder, name), 'utf8');
  if (!text.endsWith('}\n') && !text.endsWith('}')) throw new Error('the snapshot is not complete');
  return text;
}

function countObjects(
  { snapshot, nodes, strings }: HeapSnapshot,
  classes: readonly string[],
): Record<string, number> {
  const {
    node_fields: fields,
    node_types: [types],
  } = snapshot.meta;
  const [type, name] = [fields.indexOf('type'), fields.indexOf('name')];
  const counts: Record<string, number> = {};
  for (let at = 0; at < nodes.length; at += fields.length) {
    const className = strings[nodes[at + name] ?? -1] ?? '';
    if (types[nodes[at + type] ?? -1] === 'object' && classes.includes(className))
      counts[className] = (counts[className] ?? 0) + 1;
  }
  return counts;
}

const need = {
  found: isAllocatorThere() ? postgresBinaries() : undefined,
  requiredBy: 'REQUIRE_POSTGRES',
  absence: 'no PostgreSQL server or no jemalloc: apt-get install postgresql libjemalloc2',
} as const;

/** A library that can't be loaded is a line of the loader's on stderr, and nothing else. */
function isAllocatorThere(): boolean {
  return spawnSync('true', { env: { ...process.env, ...allocator } }).stderr.length === 0;
}

describeWith('the process of the gateway', need, (binaries) => {
  const certificate = writeCertificate();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const snapshots = temporaryFolder();
  const token = signToken({ sub: 'alice', exp: inSeconds(3_600) }, privateKey);
  let postgres: PostgresServer;
  let gateway: ApiProcess;
  let client: () => pg.Client;
  let idle: number;

  beforeAll(async () => {
    postgres = await startPostgres(binaries, { tls: certificate.pair });
    const url = new URL(await postgres.newDatabase());
    const admin = new pg.Client(url.href);
    await admin.connect();
    await admin.query('create role alice login');
    await admin.query(`alter system set max_connections = ${sessions + 50}`);
    await admin.end();
    await postgres.restart();
    gateway = runProgram('dist/gateway/main.js', {
      PUBLIC_KEYS__1: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      UPSTREAM__HOST: url.hostname,
      UPSTREAM__PORT: url.port,
      DOWNSTREAM__PORT: '0',
      GATEWAY_MANAGEMENT_PORT: '0',
      NODE_OPTIONS: `--max-old-space-size=${heapMiB} --max-semi-space-size=${youngMiB} --heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${snapshots.path}`,
      ...allocator,
      ...certificate.settings,
    });
    const { port } = await gateway.line(({ msg }) => msg === 'the SQL gateway is listening');
    const way = { host: 'localhost', port: Number(port), user: 'alice', database: url.pathname.slice(1) };
    idle = handles();
    client = () => new pg.Client({ ...way, password: token, ssl: { ca: certificate.ca } });
  });
  afterAll(async () => {
    await endNow(gateway);
    await postgres.close();
    certificate.remove();
    snapshots.remove();
  });

  const residentMiB = (): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;
  const handles = (): number => readdirSync(`/proc/${gateway.pid}/fd`).length;

  async function logIn(count: number): Promise<void> {
    let left = count;
    const one = async (): Promise<void> => {
      while (left-- > 0) {
        const { session } = await open();
        await session.end();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, one));
  }

  async function open(): Promise<{ session: pg.Client; user: unknown }> {
    const session = client();
    await session.connect();
    const { rows } = await session.query<{ current_user: string }>('select current_user');
    return { session, user: rows[0]?.current_user };
  }

  /** How many objects of these classes a collection of garbage leaves, where there are any. */
  async function liveObjects(...classes: readonly string[]): Promise<Record<string, number>> {
    gateway.process.kill('SIGUSR2');
    const file = await vi.waitFor(() => wholeSnapshot(snapshots.path), { timeout: 20_000, interval: 200 });
    return countObjects(JSON.parse(file) as HeapSnapshot, classes);
  }

  /** When the last of them has closed; a spare connection lives five seconds. */
  const untilHandles = (before: number): Promise<void> =>
    vi.waitFor(
      () => {
        expect(handles()).toBeLessThanOrEqual(before);
      },
      { timeout: 20_000, interval: 100 },
    );

  async function openAtOnce(): Promise<void> {
    const opened: pg.Client[] = [];
    while (opened.length < sessions) {
      const some = await Promise.all(Array.from({ length: Math.min(50, sessions) }, open));
      expect(new Set(some.map(({ user }) => user))).toEqual(new Set(['alice']));
      opened.push(...some.map(({ session }) => session));
    }
    expect(handles()).toBeGreaterThanOrEqual(idle + 2 * sessions);
    await Promise.all(opened.map((session) => session.end()));
  }

  it(`has no more handles and no more memory after ${logins} logins and ${rounds} times ${sessions} sessions`, async () => {
    await logIn(warmUp);
    await untilHandles(idle);
    const before = residentMiB();
    const resident: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await openAtOnce();
      await logIn(logins / rounds);
      await untilHandles(idle);
      resident.push(residentMiB());
    }
    const figures = [before, ...resident].map((each) => each.toFixed(0)).join(', ');
    process.stdout.write(`leaks: ${logins} logins, ${rounds} times ${sessions} sessions: ${figures} MiB\n`);
    expect(Math.max(...resident) - before).toBeLessThan(noiseMiB);
    const { TimersList = 0, ...left } = await liveObjects(
      ...['Session', 'TLSSocket', 'ClientInbox', 'BackendInbox', 'TimersList'],
    );
    expect(left).toEqual({});
    // One for each duration that somebody waits for: Node keeps the list of a timer that was cleared while unref'd.
    expect(TimersList).toBeLessThan(20);
  }, 600_000);
});
