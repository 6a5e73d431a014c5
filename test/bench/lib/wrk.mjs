// Drives wrk and reads what its script reports.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = fileURLToPath(new URL('wrk.lua', import.meta.url));

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
  const load = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url];
  const { stdout } = await run('wrk', [
    ...load,
    '--',
    tokens.file,
    String(tokens.first),
    String(tokens.last),
  ]);
  const report = JSON.parse(stdout.trim().split('\n').at(-1));
  if (report.failed > 0 || report.broken > 0) {
    throw new Error(
      `${url}: ${report.failed} answers were errors, ${report.broken} exchanges broke, of ${report.requests}`,
    );
  }
  if (report.requests === 0) throw new Error(`${url}: no answers`);
  return { ...report, perSecond: report.requests / (report.micros / 1e6) };
}
