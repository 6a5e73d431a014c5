const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const noTrace = '0'.repeat(32);
const noParent = '0'.repeat(16);

/** Later versions may append members; this is more than any of them plausibly needs. */
const maxLength = 256;

/**
 * The trace id of the `traceparent` among raw headers, or null when there is none, several, or it breaks the grammar:
 * a wrong header counts as an absent one.
 *
 * @param rawHeaders names and values in turn, as received
 * @see W3C Trace Context, sections 3.2.1 (one header), 3.2.2 (format) and 3.2.4 (versions yet to come)
 */
export function traceIdOf(rawHeaders: readonly string[]): string | null {
  let header: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length !== 11 || name.toLowerCase() !== 'traceparent') continue;
    if (header !== undefined) return null;
    header = rawHeaders[index + 1];
  }
  return header === undefined ? null : traceIdIn(header);
}

function traceIdIn(header: string): string | null {
  if (header.length > maxLength) return null;
  const parts = traceparent.exec(header);
  if (parts === null) return null;
  const [, version, traceId = noTrace, parentId, more] = parts;
  if (version === 'ff' || traceId === noTrace || parentId === noParent) return null;
  return version === '00' && more !== undefined ? null : traceId;
}
