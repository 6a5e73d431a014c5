import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describeWith } from './needs.js';

/** Where the test vectors are; those of other people are not part of this repository. */
const vectorsDir = resolve(process.env.VECTORS_DIR ?? join(import.meta.dirname, '../../../shared/vectors'));

/** Those that were made for this project. */
const ownVectorsDir = join(import.meta.dirname, '../vectors');

/**
 * A suite that needs vectors: where they are absent it is skipped and says so, or fails under `REQUIRE_VECTORS=1`.
 *
 * @param what names the suite and, where it is skipped, what was skipped
 * @param path of the file or folder below the vectors' directory
 * @param body declares the tests; it is given the absolute path
 */
export function describeWithVectors(what: string, path: string, body: (absolutePath: string) => void): void {
  const found = [vectorsDir, ownVectorsDir].map((dir) => join(dir, path)).find(existsSync);
  const absence = `no vectors: no ${path} in ${vectorsDir} (VECTORS_DIR)`;
  describeWith(what, { found, requiredBy: 'REQUIRE_VECTORS', absence }, body);
}

/** The content of a JSON file, taken at its word. */
export function readJsonFile(absolutePath: string): unknown {
  return JSON.parse(readFileSync(absolutePath, 'utf8')) as unknown;
}
