// The Python environment of the FastAPI peer, made by the benchmark and kept.
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const fastapiFolder = fileURLToPath(new URL('../peers/fastapi', import.meta.url));

/**
 * Installs the peer's requirements unless that was done before.
 *
 * @returns {Promise<{ uvicorn: string } | { skipped: string }>} the program to run, or why the peer is left out
 */
export async function fastapiEnvironment(folder) {
  const requirements = join(fastapiFolder, 'requirements.txt');
  const done = join(folder, 'installed.txt');
  const environment = { uvicorn: join(folder, 'bin', 'uvicorn') };
  if (existsSync(done) && readFileSync(done, 'utf8') === readFileSync(requirements, 'utf8'))
    return environment;
  try {
    await run('python3', ['-m', 'venv', '--clear', folder]);
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--requirement', requirements]);
    copyFileSync(requirements, done);
    return environment;
  } catch (error) {
    return { skipped: `FastAPI peer: ${String(error.message).trim().split('\n').at(-1)}` };
  }
}
