import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'vitest';

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
  const absolutePath = [vectorsDir, ownVectorsDir].map((dir) => join(dir, path)).find(existsSync);
  if (absolutePath !== undefined) {
    describe(what, () => {
      body(absolutePath);
    });
  } else if (process.env.REQUIRE_VECTORS === '1') {
    it(what, () => {
      throw new Error(`REQUIRE_VECTORS is 1 and there is no ${path} in ${vectorsDir} (VECTORS_DIR)`);
    });
  } else {
    it.skip(`skipped: ${what} (no vectors)`);
  }
}

/** The content of a JSON file, taken at its word. */
export function readJsonFile(absolutePath: string): unknown {
  return JSON.parse(readFileSync(absolutePath, 'utf8')) as unknown;
}
