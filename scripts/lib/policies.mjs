// What the policies' scripts and tests know of the folder: its sources, their revision, the two bundles made of them.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const policiesFolder = fileURLToPath(new URL('../../policies', import.meta.url));

/**
 * The two bundles that are made of a folder, in it.
 *
 * @param {string} [folder]
 */
export function bundlesOf(folder = policiesFolder) {
  return {
    /** For the embedded engine: WASM beside the sources. An OPA without a WASM runtime refuses it. */
    wasm: join(folder, 'bundle.tar.gz'),
    /** For the sidecar: sources alone. */
    rego: join(folder, 'bundle.rego.tar.gz'),
  };
}

/** @param {string} path */
const isSource = (path) =>
  (path.endsWith('.rego') && !path.endsWith('_test.rego')) || /(^|\/)(data\.json|\.manifest)$/.test(path);

/**
 * What a bundle is made of, sorted by path.
 *
 * @param {string} [folder]
 * @returns {{ path: string, text: string }[]} paths relative to the folder, with slashes
 */
export function policySources(folder = policiesFolder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.split(sep).join('/'))
    .filter(isSource)
    .sort()
    .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
}

/**
 * The revision of a bundle: a hash of its sources, so that equal policies have equal revisions wherever they are built.
 *
 * @param {{ path: string, text: string }[]} sources
 * @returns {string} 16 hexadecimal digits
 */
export function revisionOf(sources) {
  const hash = createHash('sha256');
  for (const { path, text } of sources) hash.update(`${path}\0${text.length}\0${text}`);
  return hash.digest('hex').slice(0, 16);
}

/**
 * @param {string} path
 * @returns {string} relative to the working directory, for messages
 */
export function shown(path) {
  return relative('', path);
}
