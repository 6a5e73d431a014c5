// The Python environment of the FastAPI peer.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pythonEnvironment } from './python.mjs';

export const fastapiFolder = fileURLToPath(new URL('../peers/fastapi', import.meta.url));

/** @returns {Promise<{ uvicorn: string } | { skipped: string }>} the program to run, or why the peer is left out */
export async function fastapiEnvironment(folder) {
  const python = await pythonEnvironment(folder, fastapiFolder);
  return 'skipped' in python
    ? { skipped: `FastAPI peer: ${python.skipped}` }
    : { uvicorn: join(python.folder, 'bin', 'uvicorn') };
}
