// What a token and an introspection cost at the issuer, beside the signature alone, a mock and a bare Nest.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { postgresBinaries, startPostgres } from '../../support/postgres-server.mjs';
import { cpuMicros, freePort, residentMiB, start, stop, untilServing } from './processes.mjs';
import { against, markdown, median } from './report.mjs';
import { startBare } from './targets.mjs';
import { wrk, wrkForm } from './wrk.mjs';

const peers = fileURLToPath(new URL('../peers', import.meta.url));
const grant = 'grant_type=client_credentials&scope=read_sayhello';
const realTokens = 500;
/** Of the cost of the signature alone. */
const tokenGoal = 1.5;
/** Of bare Nest + Fastify's requests/s, on the embedded database. */
const introspectionGoal = 0.5;

/**
 * Runs every row in each round, so that a change of the machine's mood meets all of them.
 *
 * @param {{ root: string, pool: object }} setup
 * @param {{ rounds: number, seconds: number, warmUpSeconds: number, liveTokens: number }} plan
 */
export async function measureIssuer(setup, plan) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-issuer-'));
  const binaries = postgresBinaries();
  const postgres = binaries && (await startPostgres(binaries));
  const issuers = [];
  try {
    issuers.push(await startIssuer(setup, 'PGlite', `pglite:${join(folder, 'db')}`, plan));
    if (postgres) issuers.push(await startIssuer(setup, 'PostgreSQL', await postgres.newDatabase(), plan));
    const mock = await startMock(folder);
    issuers.push(mock);
    const bare = await startBare(setup);
    const runs = [];
    for (let round = 1; round <= plan.rounds; round++)
      for (const run of rowsOf(setup, issuers, bare, plan)) {
        const figures = await run.measure();
        runs.push({ title: run.title, ...figures });
        process.stdout.write(`round ${round}: ${run.title}: ${figures.perSecond.toFixed(0)}/s\n`);
      }
    await Promise.all([...issuers.flatMap(({ processes }) => processes), ...bare.processes].map(stop));
    return medians(runs);
  } finally {
    await postgres?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function rowsOf(setup, issuers, bare, plan) {
  return [
    { title: 'signature alone (jose, RS256)', measure: () => signOnly(plan) },
    { title: 'bare Nest + Fastify', measure: () => loadBare(setup, bare, plan) },
    ...issuers.flatMap(({ name, processes, forms }) =>
      Object.entries(forms).map(([what, form]) => ({
        title: `${what}, ${name}`,
        measure: () => loadForm(processes[0], form, plan),
      })),
    ),
  ];
}

function signOnly({ seconds }) {
  const output = execFileSync(process.execPath, [join(peers, 'sign-only.mjs')], {
    env: { ...process.env, SECONDS: String(seconds) },
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

async function loadBare({ pool }, { url, processes }, plan) {
  const tokens = { file: pool.file, first: 1, last: 100 };
  return measured(processes[0], plan, (seconds) => wrk(url, { seconds, tokens }));
}

const loadForm = (server, form, plan) => measured(server, plan, (seconds) => wrkForm({ ...form, seconds }));

async function measured(server, { warmUpSeconds, seconds }, load) {
  await load(warmUpSeconds);
  const before = cpuMicros(server);
  const { perSecond, requests, p50, p99 } = await load(seconds);
  const cpuMicrosPerRequest = (cpuMicros(server) - before) / requests;
  return { perSecond, p50, p99, cpuMicrosPerRequest, residentMiB: residentMiB(server).peak };
}

async function startIssuer({ root }, name, databaseUrl, { liveTokens }) {
  const [port, managementPort] = [await freePort(), await freePort()];
  const env = {
    ISSUER_BASE_URL: `http://127.0.0.1:${port}`,
    ISSUER_PORT: String(port),
    ISSUER_MANAGEMENT_PORT: String(managementPort),
    ISSUER_DATABASE_URL: databaseUrl,
    ISSUER_PEPPER: randomBytes(32).toString('base64'),
    LOG_LEVEL: 'info',
  };
  const client = addClient(root, env);
  await addLiveTokens(databaseUrl, client.client_id, liveTokens);
  const server = start(`issuer on ${name}`, process.execPath, [join(root, 'dist', 'issuer', 'main.js')], {
    env,
    cwd: root,
  });
  const base = `http://127.0.0.1:${port}/oauth2/default/v1`;
  await untilServing(server, `${base}/keys`);
  const authorization = `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`;
  const tokens = await fetchTokens(`${base}/token`, authorization);
  const forms = {
    client_credentials: formOf(`${base}/token`, authorization, [grant]),
    [`introspection, ${liveTokens.toLocaleString('en')} live tokens`]: formOf(
      `${base}/introspect`,
      authorization,
      tokens.map((token) => `token=${token}`),
    ),
  };
  return { name, processes: [server], forms };
}

function addClient(root, env) {
  const args = [
    join(root, 'dist', 'cli', 'issuer.js'),
    'clients',
    'add',
    'bench',
    '--scope',
    'read_sayhello',
    '--json',
  ];
  const { PATH = '', HOME = '' } = process.env;
  return JSON.parse(
    execFileSync(process.execPath, args, { env: { PATH, HOME, ...env }, cwd: root, encoding: 'utf8' }),
  );
}

/** Rows as the issuer writes them, for a table of the size that a busy hour leaves. */
async function addLiveTokens(databaseUrl, clientId, count) {
  const statement = `insert into access_tokens (jti, client_id, expires_at)
    select 'AT.bench' || i, $1, now() + interval '1 hour' from generate_series(1, ${count}) i`;
  if (databaseUrl.startsWith('pglite:')) {
    const db = await PGlite.create(join(databaseUrl.slice('pglite:'.length), 'database'));
    await db.query(statement, [clientId]);
    await db.close();
    return;
  }
  const db = new pg.Client(databaseUrl);
  await db.connect();
  await db.query(statement, [clientId]);
  await db.query('analyze');
  await db.end();
}

async function fetchTokens(url, authorization) {
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
  const tokens = [];
  for (let index = 0; index < realTokens; index++) {
    const response = await fetch(url, { method: 'POST', headers, body: grant });
    tokens.push((await response.json()).access_token);
  }
  return tokens;
}

async function startMock(folder) {
  const port = await freePort();
  const server = start('oauth2-mock-server', process.execPath, [join(peers, 'mock-issuer.mjs')], {
    env: { PORT: String(port) },
  });
  await untilServing(server, `http://127.0.0.1:${port}/jwks`);
  const forms = {
    client_credentials: formOf(`http://127.0.0.1:${port}/token`, '-', [`${grant}&client_id=c`]),
  };
  return { name: 'oauth2-mock-server', processes: [server], forms, folder };
}

function formOf(url, authorization, bodies) {
  const file = join(mkdtempSync(join(tmpdir(), 'bench-forms-')), 'forms');
  writeFileSync(file, `${bodies.join('\n')}\n`, { mode: 0o600 });
  return { url, authorization, file };
}

/** The run with the median throughput of each row. */
function medians(runs) {
  return [...Map.groupBy(runs, ({ title }) => title)].map(([title, ofTitle]) => {
    const middle = median(ofTitle.map(({ perSecond }) => perSecond));
    return { title, ...ofTitle.find(({ perSecond }) => perSecond === middle) };
  });
}

/** The measurements as Markdown. */
export function issuerTable(rows) {
  const find = (part) => rows.find(({ title }) => title.startsWith(part));
  const [signature, bare] = [find('signature alone'), find('bare')];
  const head = [
    'what',
    'a second',
    'p50 µs',
    'p99 µs',
    'CPU µs',
    'CPU × signature',
    'share of bare',
    'RSS MiB',
  ];
  const lines = rows.map(({ title, perSecond, p50, p99, cpuMicrosPerRequest, residentMiB: resident }) => [
    title,
    perSecond.toFixed(0),
    p50 === undefined ? '' : String(p50),
    p99 === undefined ? '' : String(p99),
    cpuMicrosPerRequest.toFixed(0),
    title.startsWith('client_credentials')
      ? against(cpuMicrosPerRequest / signature.cpuMicrosPerRequest, goalOf(title, tokenGoal), 'most', 2)
      : '',
    title.startsWith('introspection')
      ? against(
          perSecond / bare.perSecond,
          title.endsWith('PGlite') ? introspectionGoal : undefined,
          'least',
          2,
        )
      : '',
    resident === undefined ? '' : resident.toFixed(0),
  ]);
  return markdown(head, lines);
}

function goalOf(title, goal) {
  return title.endsWith('mock-server') ? undefined : goal;
}
