// Signed tokens for the load, made once and kept for half a day: signing costs more than everything that is measured.
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const lifeSeconds = 24 * 3600;
const reuseMs = 12 * 3600 * 1000;
const workers = 2;

export const audience = 'api://default';
export const clientId = '0oabenchmark00000001';
export const clientSecret = 'benchmark-secret-of-the-stand-in';

/**
 * Access tokens of one issuer, no two alike, one a line.
 *
 * @param {string} folder where they are kept
 * @param {string} issuer
 * @param {number} count
 * @returns {Promise<{ file: string, count: number, first: string, jwks: { keys: object[] } }>}
 */
export async function tokenPool(folder, issuer, count) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `tokens-${new URL(issuer).port}-${count}.txt`);
  const keyFile = `${file}.key.pem`;
  if (!isFresh(file)) await makePool(file, keyFile, issuer, count);
  const first = readFileSync(file, 'utf8').split('\n', 1)[0];
  return { file, count, first, jwks: { keys: [publicJwk(keyFile)] } };
}

function isFresh(file) {
  const made = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - made < reuseMs;
}

async function makePool(file, keyFile, issuer, count) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const share = Math.ceil(count / workers);
  const shares = Array.from({ length: workers }, (_, index) => Math.min(share, count - index * share));
  const texts = await Promise.all(shares.map((part) => signInWorker({ pem, issuer, count: part })));
  writeFileSync(keyFile, pem, { mode: 0o600 });
  writeFileSync(file, texts.join(''), { mode: 0o600 });
}

function signInWorker(data) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function publicJwk(keyFile) {
  const jwk = createPublicKey(readFileSync(keyFile)).export({ format: 'jwk' });
  return { ...jwk, kid: 'benchmark', alg: 'RS256', use: 'sig' };
}

function signTokens({ pem, issuer, count }) {
  const key = createPrivateKey(pem);
  const header = base64url({ kid: 'benchmark', alg: 'RS256' });
  const now = Math.floor(Date.now() / 1000);
  const common = { ver: 1, iss: issuer, aud: audience, iat: now, exp: now + lifeSeconds, cid: clientId };
  const token = () => {
    const claims = { ...common, jti: `AT.${randomUUID()}`, scp: ['read_sayhello'], sub: clientId };
    const signed = `${header}.${base64url(claims)}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}\n`;
  };
  return Array.from({ length: count }, token).join('');
}

function base64url(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

if (!isMainThread && workerData?.pem !== undefined) parentPort.postMessage(signTokens(workerData));
