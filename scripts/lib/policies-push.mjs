// Puts policies into a running OPA by its REST API (Policy API and Data API), and reads each one back.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { policySources } from './policies.mjs';

/** Something that the user can mend; the message is for them. */
class PushFailure extends Error {
  name = 'PushFailure';
}

const timeoutMs = 10_000;
const usage = 'usage: npm run policies:push -- [FILE.rego] [--id ID] [--url http://localhost:8181]';

/** @param {string[]} pushArguments one file, or none for everything in policies/ */
export async function push(pushArguments) {
  const { file, id, url } = readArguments(pushArguments);
  const sources =
    file === undefined ? policySources() : [{ path: id ?? basename(file), text: readSource(file) }];
  for (const { path, text } of sources) {
    if (path.endsWith('data.json')) await pushData(url, path, text);
    else if (!path.endsWith('.manifest')) await pushPolicy(url, path, text);
  }
}

function readArguments(pushArguments) {
  try {
    const options = { id: { type: 'string' }, url: { type: 'string', default: defaultUrl() } };
    const { values, positionals } = parseArgs({ args: pushArguments, options, allowPositionals: true });
    if (positionals.length > 1) throw new PushFailure(usage);
    if (!/^https?:$/.test(URL.parse(values.url)?.protocol ?? ''))
      throw new PushFailure(`${values.url} is no http URL`);
    return { file: positionals[0], id: values.id, url: values.url.replace(/\/$/, '') };
  } catch (error) {
    throw error instanceof PushFailure ? error : new PushFailure(`${error.message}\n${usage}`);
  }
}

/** The OPA that the API asks, when the environment names it. */
function defaultUrl() {
  const url = URL.parse(process.env.OPA_AUTHZ_URL ?? '');
  return url && /^https?:$/.test(url.protocol) ? url.origin : 'http://localhost:8181';
}

function readSource(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new PushFailure(`${file} can't be read: ${error.message}`);
  }
}

async function pushPolicy(url, id, text) {
  const address = `${url}/v1/policies/${id.split('/').map(encodeURIComponent).join('/')}`;
  await call(address, { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: text });
  const { result } = await call(address);
  if (result?.raw !== text) throw new PushFailure(`${address} holds another text than was sent`);
  console.log(`policy ${id} is in force at ${url}`);
}

async function pushData(url, path, text) {
  const document = path.replace(/\/?data\.json$/, '');
  const address = `${url}/v1/data/${document}`;
  await call(address, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: text });
  const { result } = await call(address);
  if (!isDeepStrictEqual(result, JSON.parse(text)))
    throw new PushFailure(`${address} holds another document than was sent`);
  console.log(`data ${document} is in force at ${url}`);
}

async function call(address, request = {}) {
  const response = await fetch(address, {
    ...request,
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error) => {
    throw new PushFailure(
      `no answer from ${address}: ${error.cause?.message || error.cause?.code || error.message}`,
    );
  });
  const text = await response.text();
  if (!response.ok) throw new PushFailure(`${address} answered ${response.status}: ${explain(text)}`);
  return text === '' ? {} : JSON.parse(text);
}

/** OPA's errors say where in the policy they are. */
function explain(text) {
  try {
    const { message, errors = [] } = JSON.parse(text);
    const places = errors.map(
      (error) => `  ${error.location?.file}:${error.location?.row}: ${error.message}`,
    );
    return [message, ...places].join('\n');
  } catch {
    return text;
  }
}
