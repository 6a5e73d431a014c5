// npm run bench -- [--quick] [mode…]
// Modes: the names in lib/targets.mjs, `start`, `scale`, `issuer` and `gateway`; all of them unless some are named. Needs Linux and wrk.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fastapiEnvironment } from './lib/fastapi.mjs';
import { measure, medianRun } from './lib/measure.mjs';
import { findOpa } from '../../scripts/lib/opa.mjs';
import { stopAll } from './lib/processes.mjs';
import { gatewayTable, measureGateway } from './lib/gateway.mjs';
import { issuerTable, measureIssuer } from './lib/issuer.mjs';
import { against, compare, median, shortfalls, table } from './lib/report.mjs';
import { measureScale, scaleTable } from './lib/scale.mjs';
import { measureStartup } from './lib/startup.mjs';
import { targets } from './lib/targets.mjs';
import { tokenPool } from './lib/tokens.mjs';
import { hasWrk } from './lib/wrk.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const issuer = `http://127.0.0.1:${process.env.BENCH_OKTA_PORT ?? '18087'}/oauth2/default`;
const startGoalMs = 1000;

const full = {
  rounds: 3,
  seconds: 5,
  warmUpSeconds: 2,
  tokens: 100_000,
  starts: 5,
  scale: [10, 1000, 100_000],
  liveTokens: 100_000,
};
const quick = {
  rounds: 1,
  seconds: 2,
  warmUpSeconds: 1,
  tokens: 30_000,
  starts: 1,
  scale: [10, 1000],
  liveTokens: 1000,
};

const words = process.argv.slice(2);
const plan = words.includes('--quick') ? quick : full;
const named = words.filter((word) => !word.startsWith('--'));
const wants = (mode) => named.length === 0 || named.includes(mode);

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function checkArguments() {
  const known = [...Object.keys(targets), 'start', 'scale', 'issuer', 'gateway'];
  const unknown = named.filter((mode) => !known.includes(mode));
  if (unknown.length > 0) fail(`no such mode: ${unknown.join(', ')}; there are ${known.join(', ')}`);
}

async function prepare() {
  if (!(await hasWrk())) fail('wrk is not installed (Debian: apt-get install wrk)');
  build();
  const python = await fastapiEnvironment(join(root, '.cache', 'bench-venv'));
  const pool = await tokenPool(join(root, '.cache', 'bench-tokens'), issuer, plan.tokens);
  const skipped = 'skipped' in python ? [python.skipped] : [];
  return { setup: { root, issuer, pool, opa: findOpa(), uvicorn: python.uvicorn }, skipped };
}

function build() {
  execFileSync(process.execPath, [join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js'), 'build'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (!existsSync(join(root, 'policies', 'bundle.tar.gz')))
    fail('policies/bundle.tar.gz is missing: npm run policies:build');
}

/** Bare comes along with every other mode: all figures are ratios to it. */
function chosenTargets(setup, skipped) {
  const chosen = Object.entries(targets).filter(
    ([name]) => wants(name) || (name === 'bare' && named.some((mode) => mode in targets)),
  );
  return chosen.filter(([, { title, needs = [] }]) => {
    const missing = needs.filter((need) => setup[need] === undefined);
    if (missing.length > 0) skipped.push(`${title}: needs ${missing.join(' and ')}`);
    return missing.length === 0;
  });
}

/** Rounds over all targets, so that a change of the machine's mood meets all of them. */
async function measureTargets(chosen, setup) {
  const runs = Object.fromEntries(chosen.map(([name]) => [name, []]));
  for (let round = 1; round <= plan.rounds; round++) {
    for (const [name, target] of chosen) {
      const run = await measure(target, setup, plan);
      runs[name].push(run);
      process.stdout.write(`round ${round}: ${target.title}: ${run.perSecond.toFixed(0)} requests/s\n`);
    }
  }
  return runs;
}

async function main() {
  checkArguments();
  const { setup, skipped } = await prepare();
  const runs = await measureTargets(chosenTargets(setup, skipped), setup);
  const medians = Object.fromEntries(Object.entries(runs).map(([name, list]) => [name, medianRun(list)]));
  const rows = compare(targets, medians);
  const startMs = wants('start') ? await measureStartup(setup, plan.starts) : [];
  const scale = wants('scale') ? await measureScale(setup, plan) : [];
  const issuer = wants('issuer') ? await measureIssuer(setup, plan) : [];
  const gateway = wants('gateway') ? await measureGateway(setup, plan) : { rows: [], skipped: [] };
  skipped.push(...gateway.skipped);
  write({ rows, runs, startMs, scale, issuer, gateway: gateway.rows, skipped });
}

function write({ rows, runs, startMs, scale, issuer, gateway, skipped }) {
  const parts = [
    `${machine()}; ${plan.rounds} interleaved runs of ${plan.seconds} s, 16 connections, median run shown.`,
    rows.length > 0 ? table(rows) : '',
    startMs.length > 0
      ? `First 200 after \`npm start\`: ${against(median(startMs), startGoalMs, 'most', 0)} ms, median of ${startMs.length}.`
      : '',
    scale.length > 0 ? scaleTable(scale) : '',
    issuer.length > 0 ? issuerTable(issuer) : '',
    gateway.length > 0 ? gatewayTable(gateway) : '',
    skipped.map((reason) => `Skipped: ${reason}`).join('\n'),
    shortfalls(rows)
      .map((line) => `Short of its goal: ${line}`)
      .join('\n'),
  ];
  const text = `${parts.filter((part) => part !== '').join('\n\n')}\n`;
  process.stdout.write(`\n${text}`);
  save(text, { machine: machine(), plan, rows, runs, startMs, scale, issuer, gateway, skipped });
}

function machine() {
  return `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'processor'}`;
}

function save(text, results) {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  // Figures of one machine on one day; whoever wants to keep a table adds it on purpose.
  writeFileSync(join(folder, '.gitignore'), '*\n');
  writeFileSync(join(folder, 'latest.md'), text);
  writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(results, undefined, 2)}\n`);
}

// The processes have groups of their own, so Ctrl-C reaches this one only.
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => void stopAll().then(() => process.exit(1)));

try {
  await main();
} finally {
  await stopAll();
}
