// npm run policies:check | :test | :build | :push
import { spawnSync } from 'node:child_process';
import { findOpa } from './lib/opa.mjs';
import { policiesFolder, policySources, regoBundle, revisionOf, shown, wasmBundle } from './lib/policies.mjs';
import { push } from './lib/policies-push.mjs';

const [command = '', ...commandArguments] = process.argv.slice(2);

/** A failure that the user can do something about: told in one line, without a stack. */
class Failure extends Error {}

function requireOpa() {
  const path = findOpa();
  if (path === undefined) throw new Failure('OPA is not here; get the pinned one: npm run opa:install');
  return path;
}

/** Runs OPA and returns what it printed; its complaints go to the user as they are. */
function opa(...opaArguments) {
  const result = spawnSync(requireOpa(), opaArguments, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.status !== 0)
    throw new Failure(`opa ${opaArguments[0]}: ${result.stderr}${result.stdout}`.trim());
  return result.stdout;
}

function check() {
  const unformatted = opa('fmt', '--list', policiesFolder).trim();
  if (unformatted !== '') throw new Failure(`not formatted (opa fmt -w policies):\n${unformatted}`);
  opa('check', '--strict', '--bundle', policiesFolder);
  console.log('formatted, strict, compiled');
}

function test() {
  const run = ['test', '--bundle', policiesFolder];
  console.log(opa(...run).trim());
  const { coverage, files } = JSON.parse(opa(...run, '--coverage', '--format', 'json'));
  if (coverage < 100) throw new Failure(`coverage is ${coverage}%, not 100: ${uncovered(files)}`);
  console.log('coverage: 100%');
}

function uncovered(files) {
  return Object.entries(files)
    .filter(([, { not_covered: ranges }]) => ranges)
    .map(([file, { not_covered: ranges }]) => `${file}:${ranges.map(({ start }) => start.row).join(',')}`)
    .join(' ');
}

/** The rules that are entrypoints say so in their METADATA: both bundles are made without naming one here. */
function build() {
  const revision = revisionOf(policySources());
  const common = ['--bundle', policiesFolder, '--ignore', '*_test.rego', '--revision', revision];
  opa('build', ...common, '--target', 'wasm', '--output', wasmBundle);
  opa('build', ...common, '--output', regoBundle);
  console.log(`revision ${revision}: ${shown(wasmBundle)} (embedded), ${shown(regoBundle)} (sidecar)`);
}

const commands = { check, test, build, push: () => push(commandArguments) };

try {
  if (!Object.hasOwn(commands, command))
    throw new Failure(`expected one of ${Object.keys(commands).join(', ')}`);
  await commands[command]();
} catch (error) {
  if (!(error instanceof Failure) && error.name !== 'PushFailure') throw error;
  console.error(error.message);
  process.exitCode = 1;
}
