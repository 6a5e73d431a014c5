// What is measured: each target starts its processes and says where to send requests.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fastapiFolder } from './fastapi.mjs';
import { startOpa } from './opa.mjs';
import { freePort, start, untilServing } from './processes.mjs';
import { audience, clientId, clientSecret } from './tokens.mjs';

const peers = fileURLToPath(new URL('../peers', import.meta.url));
const path = '/sayhello';
const decisionPath = 'demoapi/authz/allow';

/**
 * @typedef {object} Setup what all targets share
 * @property {string} root folder of the project
 * @property {string} issuer
 * @property {{ file: string, count: number, first: string, jwks: object }} pool
 * @property {string | undefined} opa path of the binary
 * @property {string | undefined} uvicorn path of the program
 */

/**
 * `tokens`: `seen` takes few tokens in turn, all of them used before; `new` takes each token once.
 * `goals` are those of the table in the README: share of bare's requests/s, multiple of bare's processor time, multiple
 * of the named peer's requests/s.
 */
export const targets = {
  bare: { title: 'bare Nest + Fastify', tokens: 'seen', start: startBare },
  'local-embedded': {
    title: 'local + embedded, tokens seen before',
    tokens: 'seen',
    goals: { share: 0.6, cpu: 1.7, peer: ['fastapi-local', 50], residentMiB: 160 },
    start: (setup) => startApi(setup, { validation: 'local', engine: 'embedded' }),
  },
  'local-embedded-new': {
    title: 'local + embedded, every token new',
    tokens: 'new',
    goals: { share: 0.15, cpu: 7, peer: ['fastapi-local', 14], residentMiB: 160 },
    start: (setup) => startApi(setup, { validation: 'local', engine: 'embedded' }),
  },
  'local-sidecar': {
    title: 'local + sidecar, tokens seen before',
    tokens: 'seen',
    needs: ['opa'],
    goals: { share: 0.17, cpu: 4.5, peer: ['fastapi-local', 15] },
    start: (setup) => startApi(setup, { validation: 'local', engine: 'sidecar' }),
  },
  'remote-sidecar': {
    title: 'remote + sidecar, no introspection cache',
    tokens: 'seen',
    needs: ['opa'],
    goals: { share: 0.08, cpu: 10, peer: ['fastapi-remote', 9] },
    start: (setup) => startApi(setup, { validation: 'remote', engine: 'sidecar' }),
  },
  'remote-cached-embedded': {
    title: 'remote with a 5 s cache + embedded',
    tokens: 'seen',
    goals: { share: 0.5, cpu: 2, peer: ['fastapi-local', 45], residentMiB: 160 },
    start: (setup) => startApi(setup, { validation: 'remote', engine: 'embedded', cacheSeconds: 5 }),
  },
  'fastapi-local': {
    title: 'FastAPI + okta-jwt + OPA',
    tokens: 'seen',
    needs: ['opa', 'uvicorn'],
    start: (setup) => startFastapi(setup, 'local'),
  },
  'fastapi-remote': {
    title: 'FastAPI + introspection + OPA',
    tokens: 'seen',
    needs: ['opa', 'uvicorn'],
    start: (setup) => startFastapi(setup, 'remote'),
  },
};

export async function startBare({ pool }) {
  const port = await freePort();
  const server = start('node', process.execPath, [join(peers, 'bare-nest.mjs')], {
    env: { PORT: String(port) },
  });
  const url = `http://127.0.0.1:${port}${path}`;
  await untilServing(server, url, bearer(pool));
  return { url, processes: [server] };
}

async function startApi(setup, { validation, engine, cacheSeconds = 0 }) {
  const okta = await startOkta(setup);
  const opa =
    engine === 'sidecar' ? await startOpa(setup.opa, join(setup.root, 'policies'), decisionPath) : undefined;
  const [port, managementPort] = [await freePort(), await freePort()];
  const env = {
    ...apiEnvironment(setup, { validation, engine, port, managementPort }),
    OKTA_INTROSPECTION_CACHE_SECONDS: String(cacheSeconds),
    ...(opa && { OPA_AUTHZ_URL: opa.url }),
  };
  const server = start('node', process.execPath, [...flags(setup), join(setup.root, 'dist', 'main.js')], {
    env,
    cwd: setup.root,
  });
  const url = `http://127.0.0.1:${port}${path}`;
  await untilServing(server, url, bearer(setup.pool));
  const metrics = `http://127.0.0.1:${managementPort}/metrics`;
  return { url, metrics, processes: [server, ...(opa ? [opa.server] : []), okta] };
}

/** Node's own, as `npm start` gives them. */
function flags({ root }) {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return scripts.start.split(' ').filter((word) => word.startsWith('--'));
}

/** The API's settings for a benchmark; everything else keeps its default, logging of each decision included. */
export function apiEnvironment(setup, { validation, engine, port, managementPort }) {
  return {
    OKTA_ISSUER: setup.issuer,
    OKTA_CLIENT_ID: clientId,
    OKTA_CLIENT_SECRET: clientSecret,
    OKTA_AUDIENCE: audience,
    OKTA_VALIDATION: validation,
    OPA_MODE: engine,
    OPA_BUNDLE: join(setup.root, 'policies', 'bundle.tar.gz'),
    HOST: '127.0.0.1',
    PORT: String(port),
    MANAGEMENT_PORT: String(managementPort),
  };
}

/** Okta's stand-in at the port that the tokens' issuer names. */
export async function startOkta({ issuer, pool }) {
  const { port } = new URL(issuer);
  await checkFree(port);
  const env = {
    PORT: port,
    ISSUER: issuer,
    JWKS: JSON.stringify(pool.jwks),
    CLIENT_ID: clientId,
    CLIENT_SECRET: clientSecret,
  };
  const server = start('okta stand-in', process.execPath, [join(peers, 'okta-stand-in.mjs')], { env });
  await untilServing(server, `${issuer}/v1/keys`);
  return server;
}

/** Whoever answers there would be measured, or refuse the tokens, in the stand-in's place. */
async function checkFree(port) {
  const probe = createServer().listen(Number(port), '127.0.0.1');
  await once(probe, 'listening').catch(() => {
    throw new Error(`port ${port} is in use; set BENCH_OKTA_PORT to another`);
  });
  probe.close();
  await once(probe, 'close');
}

async function startFastapi(setup, validation) {
  const okta = await startOkta(setup);
  const opa = await startOpa(setup.opa, join(setup.root, 'policies'), decisionPath);
  const port = await freePort();
  const env = {
    ISSUER: setup.issuer,
    AUDIENCE: audience,
    CLIENT_ID: clientId,
    CLIENT_SECRET: clientSecret,
    OPA_AUTHZ_URL: opa.url,
    VALIDATION: validation,
  };
  const options = ['main:app', '--app-dir', fastapiFolder, '--port', String(port), '--no-access-log'];
  const server = start('python', setup.uvicorn, [...options, '--log-level', 'warning'], { env });
  const url = `http://127.0.0.1:${port}${path}`;
  await untilServing(server, url, bearer(setup.pool));
  return { url, processes: [server, opa.server, okta] };
}

function bearer(pool) {
  return { headers: { authorization: `Bearer ${pool.first}` } };
}
