// Python environments of peers, made by the benchmark and kept.
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Installs the requirements of a peer unless that was done before.
 *
 * @param {string} folder where the environment is kept
 * @param {string} peerFolder holds `requirements.txt`
 * @returns {Promise<{ folder: string } | { skipped: string }>} why the peer is left out
 */
export async function pythonEnvironment(folder, peerFolder) {
  const requirements = join(peerFolder, 'requirements.txt');
  const done = join(folder, 'installed.txt');
  if (existsSync(done) && readFileSync(done, 'utf8') === readFileSync(requirements, 'utf8'))
    return { folder };
  try {
    await run('python3', ['-m', 'venv', '--clear', folder]);
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--requirement', requirements]);
    copyFileSync(requirements, done);
    return { folder };
  } catch (error) {
    return { skipped: String(error.message).trim().split('\n').at(-1) };
  }
}
