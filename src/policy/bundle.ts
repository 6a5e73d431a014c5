import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import { errorText } from '../base/error-text.js';
import { isJsonObject, parseJson } from '../base/json.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';
import { readTar } from './tar.js';
import type { TarFile } from './tar.js';

/** What the embedded engine needs of an OPA bundle. */
export interface Bundle {
  /** Of the manifest; null when it names none. */
  readonly revision: string | null;
  readonly wasm: Buffer;
  /** The base documents as JSON text, an object. */
  readonly dataJson: Buffer;
}

export type BundleOutcome = Outcome<Bundle, 'unusable_bundle'>;

/** Bytes of a bundle file. */
export const maxBundleBytes = 32 * 1024 * 1024;
/** Bytes of all its files together, unpacked. */
export const maxUnpackedBytes = 128 * 1024 * 1024;

const maxRevisionLength = 200;
const wasmName = 'policy.wasm';
const unzip = promisify(gunzip);

/**
 * Reads a bundle as `opa build -t wasm` writes it: a gzipped tar archive with `policy.wasm`, `data.json` and
 * `.manifest` at its root. Rego sources and folders are passed over.
 */
export async function readBundle(packed: Buffer): Promise<BundleOutcome> {
  if (packed.length > maxBundleBytes) return unusable(`it is larger than ${maxBundleBytes} bytes`);
  const unpacked = await unpack(packed);
  if (!unpacked.ok) return unpacked;
  const archive = readTar(unpacked.value);
  return archive.ok ? assemble(archive.value) : unusable(`its tar archive can't be read: ${archive.reason}`);
}

async function unpack(packed: Buffer): Promise<Outcome<Buffer, 'unusable_bundle'>> {
  try {
    return accept(await unzip(packed, { maxOutputLength: maxUnpackedBytes }));
  } catch (cause) {
    return unusable(`it can't be unzipped to at most ${maxUnpackedBytes} bytes: ${errorText(cause)}`);
  }
}

function assemble(files: readonly TarFile[]): BundleOutcome {
  const contents = new Map(files.map(({ name, bytes }) => [name, bytes]));
  if (contents.size < files.length) return unusable('it holds two files of one name');
  const foreign = files.find(({ name }) => /(^|\/)data\.ya?ml$|\/data\.json$/.test(name));
  if (foreign)
    return unusable(
      `data must be in one data.json at the root, as "opa build" puts it, not in ${foreign.name}`,
    );
  const wasm = contents.get(wasmName);
  if (wasm === undefined) return unusable(`it holds no ${wasmName}: build it with "opa build -t wasm"`);
  const dataJson = contents.get('data.json') ?? Buffer.from('{}');
  if (!isJsonObject(parseJson(dataJson.toString()))) return unusable('its data.json is no JSON object');
  const revision = revisionIn(contents.get('.manifest'));
  return revision.ok ? accept({ revision: revision.value, wasm, dataJson }) : revision;
}

function revisionIn(manifest: Buffer | undefined): Outcome<string | null, 'unusable_bundle'> {
  if (manifest === undefined) return accept(null);
  const members = parseJson(manifest.toString());
  if (!isJsonObject(members)) return unusable('its .manifest is no JSON object');
  const modules: unknown[] = Array.isArray(members.wasm) ? members.wasm : [];
  const isOther = (module: unknown) => isJsonObject(module) && module.module !== `/${wasmName}`;
  if (modules.some(isOther)) return unusable(`its manifest names another WASM module than /${wasmName}`);
  const { revision } = members;
  return accept(
    typeof revision === 'string' && revision !== '' ? revision.slice(0, maxRevisionLength) : null,
  );
}

function unusable(reason: string): Refused<'unusable_bundle'> {
  return refuse('unusable_bundle', reason);
}
