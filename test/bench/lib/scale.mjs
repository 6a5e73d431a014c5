// Whether a request costs more when there are more routes, more policy data or more cached tokens.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuMicros, freePort, residentMiB, start, stop, untilServing } from './processes.mjs';
import { markdown } from './report.mjs';
import { startOkta } from './targets.mjs';
import { audience } from './tokens.mjs';
import { wrk } from './wrk.mjs';

const peers = fileURLToPath(new URL('../peers', import.meta.url));
const few = 10;

const dimensions = [
  { name: 'routes', of: (count) => ({ routes: count, rows: few, tokens: few }) },
  { name: 'policy data rows', of: (count) => ({ routes: few, rows: count, tokens: few }) },
  { name: 'cached tokens', of: (count) => ({ routes: few, rows: few, tokens: count }) },
];

/**
 * Loads a small guarded service with each dimension at each size, the other two small.
 *
 * @returns one row a measurement: dimension, size, requests/s, processor time per request, resident memory
 */
export async function measureScale(setup, { scale, seconds }) {
  if (setup.opa === undefined) return [];
  const okta = await startOkta(setup);
  const results = [];
  try {
    for (const { name, of } of dimensions) {
      for (const size of scale) {
        const figures = await measureSize(setup, of(Math.min(size, limitOf(name, setup))), seconds);
        results.push({ dimension: name, size, ...figures });
        process.stdout.write(`${name} ${size}: ${figures.cpuMicrosPerRequest.toFixed(1)} µs a request\n`);
      }
    }
  } finally {
    await stop(okta);
  }
  return results;
}

function limitOf(name, { pool }) {
  return name === 'cached tokens' ? pool.count : Infinity;
}

async function measureSize(setup, { routes, rows, tokens }, seconds) {
  const bundle = buildBundle(setup, rows);
  const origin = `http://127.0.0.1:${await freePort()}`;
  const env = {
    PORT: new URL(origin).port,
    ISSUER: setup.issuer,
    AUDIENCE: audience,
    BUNDLE: bundle,
    ROUTES: String(routes),
    CACHE_ENTRIES: String(Math.max(tokens, few)),
  };
  const server = start('guarded service', process.execPath, [join(peers, 'guarded-app.mjs')], { env });
  try {
    // A hundred thousand routes take a while to register.
    await untilServing(server, `${origin}/cache`, { timeoutMs: 300_000, pollMs: 200 });
    // The last route and the last row that there are: nothing that looks through a list finds them early.
    const url = `${origin}/r${Math.min(routes, rows) - 1}`;
    return await load(server, url, origin, { file: setup.pool.file, first: 1, last: tokens }, seconds);
  } finally {
    await stop(server);
  }
}

async function load(server, url, origin, tokens, seconds) {
  await warmUp(url, origin, tokens);
  const before = cpuMicros(server);
  const missesBefore = (await cacheOf(origin)).misses;
  const report = await wrk(url, { seconds, tokens });
  const missed = (await cacheOf(origin)).misses - missesBefore;
  if (missed > 0) throw new Error(`${missed} of the cached tokens were not in the cache`);
  return {
    perSecond: report.perSecond,
    cpuMicrosPerRequest: (cpuMicros(server) - before) / report.requests,
    residentMiB: residentMiB(server).peak,
  };
}

/** Until every token of the range has been seen and the code is hot. */
async function warmUp(url, origin, tokens) {
  const wanted = tokens.last - tokens.first + 1;
  do await wrk(url, { seconds: Math.ceil(2 + wanted / 2500), tokens });
  while ((await cacheOf(origin)).size < wanted);
}

async function cacheOf(origin) {
  return (await fetch(`${origin}/cache`)).json();
}

/** The policy compiled to WASM with this many rows of data. */
function buildBundle({ root, opa }, rows) {
  const folder = join(root, '.cache', 'bench-policy', String(rows));
  mkdirSync(folder, { recursive: true });
  cpSync(join(peers, 'policy'), folder, { recursive: true });
  const grants = Object.fromEntries(
    Array.from({ length: rows }, (_, index) => [`/r${index}`, 'read_sayhello']),
  );
  writeFileSync(join(folder, 'data.json'), JSON.stringify({ grants }));
  const bundle = `${folder}.tar.gz`;
  const options = ['--target', 'wasm', '--entrypoint', 'bench/authz/allow', '--output', bundle];
  execFileSync(opa, ['build', ...options, folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  return bundle;
}

/** The measurements as Markdown. */
export function scaleTable(results) {
  const head = ['what there is more of', 'how many', 'requests/s', 'CPU µs/request', 'RSS MiB'];
  const lines = results.map(({ dimension, size, perSecond, cpuMicrosPerRequest, residentMiB: resident }) => [
    dimension,
    size.toLocaleString('en'),
    perSecond.toFixed(0),
    cpuMicrosPerRequest.toFixed(1),
    resident.toFixed(0),
  ]);
  return markdown(head, lines);
}
