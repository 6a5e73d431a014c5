import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';

/** One regular file of an archive. */
export interface TarFile {
  /** As in the archive, without `/` or `./` at its start. */
  readonly name: string;
  readonly bytes: Buffer;
}

const blockSize = 512;
const maxEntries = 10_000;

/**
 * The regular files of a tar archive (POSIX.1-1988 ustar). Files whose name or size needs an extended header (longer
 * than 255 bytes, 8 GiB) are left out: no file that a bundle needs is one of them.
 *
 * @returns views into `archive`, nothing is copied; `bad_archive` when a header is damaged or the archive is cut short
 */
export function readTar(archive: Buffer): Outcome<readonly TarFile[], 'bad_archive'> {
  const files: TarFile[] = [];
  let isExtended = false;
  for (let offset = 0, entries = 0; offset + blockSize <= archive.length; entries++) {
    const header = archive.subarray(offset, offset + blockSize);
    if (header[0] === 0) return accept(files);
    const size = sizeIn(header);
    if (entries === maxEntries || size === undefined) return bad('a header is damaged');
    const start = offset + blockSize;
    if (start + size > archive.length) return bad('it is cut short');
    const type = String.fromCharCode(header[156] ?? 0);
    if (isRegular(type) && !isExtended)
      files.push({ name: nameIn(header), bytes: archive.subarray(start, start + size) });
    isExtended = extensions.has(type);
    offset = start + Math.ceil(size / blockSize) * blockSize;
  }
  return bad('it is cut short');
}

/** pax headers for the next file, and GNU tar's long names. */
const extensions: ReadonlySet<string> = new Set(['x', 'L', 'K']);

function isRegular(type: string): boolean {
  return type === '0' || type === '\0';
}

/** The size field, once the header's checksum has been found right. */
function sizeIn(header: Buffer): number | undefined {
  const size = octal(header, 124, 12);
  return octal(header, 148, 8) === checksum(header) ? size : undefined;
}

/** Sum of the header's bytes, those of the checksum itself counted as spaces. */
function checksum(header: Buffer): number {
  let sum = 8 * 0x20;
  for (const [index, byte] of header.entries()) if (index < 148 || index >= 156) sum += byte;
  return sum;
}

function octal(header: Buffer, offset: number, length: number): number | undefined {
  const digits = textIn(header, offset, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

function nameIn(header: Buffer): string {
  const prefix = textIn(header, 257, 5) === 'ustar' ? textIn(header, 345, 155) : '';
  const name = textIn(header, 0, 100);
  return (prefix === '' ? name : `${prefix}/${name}`).replace(/^(?:\.?\/)+/, '');
}

function textIn(header: Buffer, offset: number, length: number): string {
  const field = header.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? length : end);
}

function bad(reason: string) {
  return refuse('bad_archive', reason);
}
