// The real OPA, wherever this machine has it.
import { freePort, start, untilServing } from './processes.mjs';

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
