// The real OPA, wherever this machine has it.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, start, untilServing } from './processes.mjs';

/** Path of an OPA that runs: OPA_BINARY, PATH, then what `npm run opa:install` fetched; undefined when there is none. */
export function findOpa(root) {
  return [process.env.OPA_BINARY, 'opa', ...installed(join(root, '.cache', 'opa'))].find(runs);
}

function installed(folder) {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile() && /^opa/.test(file.name))
    .map((file) => join(file.parentPath, file.name));
}

function runs(command) {
  try {
    return (
      command !== undefined &&
      execFileSync(command, ['version'], { stdio: ['ignore', 'pipe', 'ignore'] }).length > 0
    );
  } catch {
    return false;
  }
}

/** Starts OPA as a sidecar with the policies of a folder. */
export async function startOpa(binary, policies, decisionPath) {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const files = ['--bundle', policies, '--ignore', '*_test.rego', '--ignore', '*.tar.gz'];
  const server = start('opa', binary, [
    'run',
    '--server',
    '--addr',
    address,
    '--log-level',
    'error',
    ...files,
  ]);
  await untilServing(server, `http://${address}/health?bundles`);
  return { server, url: `http://${address}/v1/data/${decisionPath}` };
}
