const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const noTrace = '0'.repeat(32);
const noParent = '0'.repeat(16);

/** Later versions may append members; this is more than any of them plausibly needs. */
const maxLength = 256;

/**
 * The trace id of a `traceparent` header, or null when there is none or it breaks the grammar: a wrong header counts
 * as an absent one.
 *
 * @see W3C Trace Context, sections 3.2.2 (format) and 3.2.4 (versions yet to come)
 */
export function traceIdOf(header: string | undefined): string | null {
  if (header === undefined || header.length > maxLength) return null;
  const parts = traceparent.exec(header);
  if (parts === null) return null;
  const [, version, traceId = noTrace, parentId, more] = parts;
  if (version === 'ff' || traceId === noTrace || parentId === noParent) return null;
  return version === '00' && more !== undefined ? null : traceId;
}
