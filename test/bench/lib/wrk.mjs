// Drives wrk and reads what its script reports.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = fileURLToPath(new URL('wrk.lua', import.meta.url));
const formScript = fileURLToPath(new URL('wrk-form.lua', import.meta.url));

const connections = 16;

/** Whether wrk can be run on this machine. */
export async function hasWrk() {
  // It prints its version and ends with 1.
  return run('wrk', ['--version']).then(
    () => true,
    (error) => error.code !== 'ENOENT',
  );
}

/**
 * Loads the URL for some seconds.
 *
 * @param {string} url
 * @param {{ seconds: number, tokens: { file: string, first: number, last: number } }} load tokens are taken in turn
 * @returns requests, requests a second, latencies in microseconds, and how many requests were sent
 * @throws Error when a single answer was no 2xx, or a connection failed
 */
export async function wrk(url, { seconds, tokens }) {
  return report(url, seconds, script, [tokens.file, String(tokens.first), String(tokens.last)]);
}

/**
 * Posts forms for some seconds.
 *
 * @param {{ url: string, seconds: number, file: string, authorization: string }} load one form a line of the file, in
 *   turn; `-` for no Authorization header
 */
export async function wrkForm({ url, seconds, file, authorization }) {
  return report(url, seconds, formScript, [file, authorization]);
}

async function report(url, seconds, lua, args) {
  const load = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', lua, url];
  const { stdout } = await run('wrk', [...load, '--', ...args]);
  const figures = JSON.parse(stdout.trim().split('\n').at(-1));
  if (figures.failed > 0 || figures.broken > 0) {
    throw new Error(
      `${url}: ${figures.failed} answers were errors, ${figures.broken} exchanges broke, of ${figures.requests}`,
    );
  }
  if (figures.requests === 0) throw new Error(`${url}: no answers`);
  return { ...figures, perSecond: figures.requests / (figures.micros / 1e6) };
}
