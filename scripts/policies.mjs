// npm run policies:check | :test | :build [-- FOLDER], npm run policies:push
import { spawnSync } from 'node:child_process';
import { basename, dirname, resolve } from 'node:path';
import { findOpa } from './lib/opa.mjs';
import { bundlesOf, policiesFolder, policySources, revisionOf, shown } from './lib/policies.mjs';
import { push } from './lib/policies-push.mjs';

const [command = '', ...commandArguments] = process.argv.slice(2);

/** A failure that the user can do something about: told in one line, without a stack. */
class Failure extends Error {}

function requireOpa() {
  const path = findOpa();
  if (path === undefined) throw new Failure('OPA is not here; get the pinned one: npm run opa:install');
  return path;
}

/** Runs OPA beside the folder, so that bundles hold no path of this machine, and returns what it printed. */
function opa(folder, ...opaArguments) {
  const options = { cwd: dirname(folder), encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 };
  const result = spawnSync(requireOpa(), opaArguments, options);
  if (result.status !== 0)
    throw new Failure(`opa ${opaArguments[0]}: ${result.stderr}${result.stdout}`.trim());
  return result.stdout;
}

function check(folder) {
  const name = basename(folder);
  const unformatted = opa(folder, 'fmt', '--list', name).trim();
  if (unformatted !== '') throw new Failure(`not formatted (opa fmt -w ${shown(folder)}):\n${unformatted}`);
  opa(folder, 'check', '--strict', '--bundle', name);
  console.log('formatted, strict, compiled');
}

function test(folder) {
  const run = ['test', '--bundle', basename(folder)];
  console.log(opa(folder, ...run).trim());
  const { coverage, files } = JSON.parse(opa(folder, ...run, '--coverage', '--format', 'json'));
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
function build(folder) {
  const revision = revisionOf(policySources(folder));
  const bundles = bundlesOf(folder);
  const common = ['--bundle', basename(folder), '--ignore', '*_test.rego', '--revision', revision];
  opa(folder, 'build', ...common, '--target', 'wasm', '--output', bundles.wasm);
  opa(folder, 'build', ...common, '--output', bundles.rego);
  console.log(`revision ${revision}: ${shown(bundles.wasm)} (embedded), ${shown(bundles.rego)} (sidecar)`);
}

const onFolder =
  (work) =>
  ([folder = policiesFolder, ...others]) => {
    if (others.length > 0) throw new Failure('expected one folder of policies, or none for policies/');
    work(resolve(folder));
  };

const commands = { check: onFolder(check), test: onFolder(test), build: onFolder(build), push };

try {
  if (!Object.hasOwn(commands, command))
    throw new Failure(`expected one of ${Object.keys(commands).join(', ')}`);
  await commands[command](commandArguments);
} catch (error) {
  if (!(error instanceof Failure) && error.name !== 'PushFailure') throw error;
  console.error(error.message);
  process.exitCode = 1;
}
