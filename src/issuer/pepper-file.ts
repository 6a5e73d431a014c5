import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from '../base/setup-error.js';
import type { IssuerSettings } from '../settings/issuer-settings.js';
import { Peppers } from './peppers.js';

/**
 * The peppers of the settings; in development, where none need be set, one that is made at the first start and kept
 * beside the embedded database.
 *
 * @param folder of the embedded database; undefined when it is in memory
 */
export function peppersOf({ peppers }: IssuerSettings, folder: string | undefined): Peppers {
  const [first, ...others] = peppers;
  if (first !== undefined) return new Peppers([first, ...others]);
  return new Peppers([folder === undefined ? newPepper() : keptPepper(folder)]);
}

function newPepper(): string {
  return randomBytes(32).toString('base64');
}

function keptPepper(folder: string): string {
  const file = join(folder, 'pepper');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, newPepper(), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw new SetupError(`${file} can't be written: ${(error as Error).message}`, { cause: error });
  }
  return readFileSync(file, 'utf8');
}
