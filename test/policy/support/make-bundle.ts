import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { readTar } from '../../../src/policy/tar.js';

const blockSize = 512;

/** The project's own bundle, as committed. */
export const ownBundlePath = join(import.meta.dirname, '../../../policies/bundle.tar.gz');

/** Content of the files of the project's own bundle, by name. */
export function ownBundleFiles(): Record<string, Buffer> {
  const archive = readTar(gunzipSync(readFileSync(ownBundlePath)));
  if (!archive.ok) throw new Error(archive.reason);
  return Object.fromEntries(archive.value.map(({ name, bytes }) => [name, bytes]));
}

/** The project's own bundle under another revision. */
export function ownBundleAs(revision: string): Buffer {
  return makeBundle({ ...ownBundleFiles(), '.manifest': JSON.stringify({ revision }) });
}

export function makeBundle(files: Readonly<Record<string, string | Buffer>>): Buffer {
  return gzipSync(makeTar(files));
}

export function makeTar(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const entries = Object.entries(files).map(([name, content]) => tarEntry(name, Buffer.from(content)));
  return Buffer.concat([...entries, Buffer.alloc(2 * blockSize)]);
}

/** @param type `0` for a file, `5` for a folder, `x` for an extended header */
export function tarEntry(name: string, content: Buffer, type = '0', size = content.length): Buffer {
  const header = Buffer.alloc(blockSize);
  header.write(name, 0, 100);
  header.write('0000644\0', 100);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([
    header,
    content,
    Buffer.alloc((blockSize - (content.length % blockSize)) % blockSize),
  ]);
}
