import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file at the top level of the project. */
export function repositoryFile(name: string): string {
  return join(import.meta.dirname, '../..', name);
}

export function readRepositoryFile(name: string): string {
  return readFileSync(repositoryFile(name), 'utf8');
}
