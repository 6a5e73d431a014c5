/** W3C Trace Context, section 3.2.2: version, trace id, parent id, flags. */
const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** The trace id of a `traceparent` header among raw headers; null without a valid one. */
export function traceIdOf(rawHeaders: readonly string[]): string | null {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length !== 11 || name.toLowerCase() !== 'traceparent') continue;
    const traceId = traceparent.exec(rawHeaders[index + 1] ?? '')?.[1];
    return traceId === undefined || /^0+$/.test(traceId) ? null : traceId;
  }
  return null;
}
