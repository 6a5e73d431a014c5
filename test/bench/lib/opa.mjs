// The real OPA, wherever this machine has it.
import { freePort, start, untilServing } from './processes.mjs';

/** As in docker-compose.yml, for every mode and peer alike. */
const asDeployed = { GOMAXPROCS: '1' };

/** Starts OPA as a sidecar with the policies of a folder. */
export async function startOpa(binary, policies, decisionPath) {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const files = ['--bundle', policies, '--ignore', '*_test.rego', '--ignore', '*.tar.gz'];
  const args = ['run', '--server', '--addr', address, '--log-level', 'error', ...files];
  const server = start('opa', binary, args, { env: asDeployed });
  await untilServing(server, `http://${address}/health?bundles`);
  return { server, url: `http://${address}/v1/data/${decisionPath}` };
}
