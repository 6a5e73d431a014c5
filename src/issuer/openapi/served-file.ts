import { hash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Bytes that stay the same while the process runs, with the headers that they go out with. */
export interface ServedFile {
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** Clients may keep it, and ask each time whether it is still the one (RFC 9111 section 5.2.2.4). */
export function servedFile(
  content: string | Uint8Array,
  contentType: string,
  more: Readonly<Record<string, string>> = {},
): ServedFile {
  const bytes = Buffer.from(content);
  const headers = {
    'content-type': contentType,
    'cache-control': 'no-cache',
    etag: `"${hash('sha256', bytes, 'base64url')}"`,
    'x-content-type-options': 'nosniff',
    ...more,
  };
  return { bytes, headers };
}

/** 304 where the client has it already (RFC 9110 section 13.1.2). */
export function sendFile(request: FastifyRequest, reply: FastifyReply, { bytes, headers }: ServedFile): void {
  void reply.headers(headers);
  if (isKnown(request.headers['if-none-match'], headers.etag)) void reply.code(304).send();
  else void reply.send(bytes);
}

/** Weak comparison: a proxy that compresses makes the tag weak. */
function isKnown(ifNoneMatch: string | undefined, etag: string | undefined): boolean {
  const known = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.some((tag) => tag === '*' || tag === etag);
}
