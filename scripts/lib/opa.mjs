// Where the pinned OPA is, and how it gets there.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version that policies are built with, tests run against and docker-compose.yml deploys. */
export const opaVersion = '1.22.2';

const executable = process.platform === 'win32' ? 'opa.exe' : 'opa';

/** `npm run opa:install` puts it here when it is not on PATH. */
export const opaCacheFolder = fileURLToPath(new URL(`../../.cache/opa/${opaVersion}`, import.meta.url));

/** @returns {string | undefined} the path of the pinned OPA: on PATH, else in the project's cache */
export function findOpa() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), opaCacheFolder];
  return folders.map((folder) => join(folder, executable)).find(isPinnedOpa);
}

/**
 * Any other version may decide otherwise.
 *
 * @param {string} path
 */
export function isPinnedOpa(path) {
  if (!existsSync(path)) return false;
  try {
    const version = execFileSync(path, ['version'], { encoding: 'utf8', timeout: 10_000 });
    return new RegExp(`^Version: ${opaVersion.replaceAll('.', '\\.')}$`, 'm').test(version);
  } catch {
    return false;
  }
}

export const opaCached = join(opaCacheFolder, executable);
