import { expect } from 'vitest';

/** Matches an UpstreamError whose message has the text in it. */
export function failure(kind: string, sqlState: string, text = ''): unknown {
  const message: unknown = expect.stringContaining(text);
  return expect.objectContaining({ name: 'UpstreamError', kind, sqlState, message });
}
