import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from '../../base/setup-error.js';

/** Another process has the folder open. */
export class FolderInUse extends SetupError {
  override readonly name = 'FolderInUse';
}

export interface FolderLock {
  release(): void;
}

/**
 * Makes this process the only one that uses the folder: an embedded database has no server that would arbitrate.
 *
 * @param folder made when absent, for this user only
 * @throws FolderInUse when a living process holds it; SetupError when it can't be made or written to
 */
export function lockFolder(folder: string): FolderLock {
  makeFolder(folder);
  const file = join(folder, 'lock');
  if (!create(file)) {
    const holder = readHolder(file);
    if (holder !== undefined && isAlive(holder))
      throw new FolderInUse(
        `${folder} is in use by process ${holder}; stop it, or delete ${file} if that is no issuer`,
      );
    rmSync(file, { force: true });
    if (!create(file)) throw new FolderInUse(`${folder} has just been taken by another process`);
  }
  return {
    release: () => {
      rmSync(file, { force: true });
    },
  };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SetupError(`${folder} can't be made: ${(error as Error).message}`, { cause: error });
  }
}

/** False when it exists: of two processes one creates it. */
function create(file: string): boolean {
  try {
    const descriptor = openSync(file, 'wx', 0o600);
    writeSync(descriptor, String(process.pid));
    closeSync(descriptor);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new SetupError(`${file} can't be written: ${(error as Error).message}`, { cause: error });
  }
}

function readHolder(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** A process of another user is alive too. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
