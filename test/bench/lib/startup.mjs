// Time from `npm start` to the first answer to a caller with a token.
import { freePort, start, stop, untilServing } from './processes.mjs';
import { apiEnvironment, startOkta } from './targets.mjs';

/** @returns milliseconds, one figure a start; the first start compiles and is left out */
export async function measureStartup(setup, starts) {
  const okta = await startOkta(setup);
  const times = [];
  try {
    for (let index = 0; index <= starts; index++) times.push(await timeStart(setup));
  } finally {
    await stop(okta);
  }
  return times.slice(1);
}

async function timeStart(setup) {
  const [port, managementPort] = [await freePort(), await freePort()];
  const env = apiEnvironment(setup, { validation: 'local', engine: 'embedded', port, managementPort });
  const headers = { authorization: `Bearer ${setup.pool.first}` };
  const begin = performance.now();
  const server = start('npm start', 'npm', ['start'], { env, cwd: setup.root });
  try {
    await untilServing(server, `http://127.0.0.1:${port}/sayhello`, { headers, pollMs: 2 });
    return performance.now() - begin;
  } finally {
    await stop(server);
  }
}
