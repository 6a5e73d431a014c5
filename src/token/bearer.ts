import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';

/**
 * - `missing`: no credentials at all (401 without an error code, RFC 6750 section 3.1)
 * - `ambiguous`: more than one credential, or one in the query (400 `invalid_request`)
 * - `malformed`: a Bearer credential that is no b64token, or is too long
 */
export type BearerRefusal = 'missing' | 'ambiguous' | 'malformed';

/** Longest token that is looked at, in characters. Node refuses a longer header block on its own (16 KiB). */
export const maxTokenLength = 16_384;

/** RFC 6750 section 2.1: `b64token`. One scheme, one space, nothing behind it. */
const bearerCredential = /^bearer ([A-Za-z0-9\-._~+/]+=*)$/i;

/**
 * Takes the token out of a request by RFC 6750: the Authorization header is the only place, and there is one of it.
 *
 * @param rawHeaders names and values in turn, as received: Node keeps the first of two Authorization headers in
 *   `headers` and says nothing
 * @param target the request target as received; an `access_token` in its query is refused, since URLs end up in logs
 */
export function extractBearer(rawHeaders: readonly string[], target: string): Outcome<string, BearerRefusal> {
  let authorization: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (!isAuthorization(rawHeaders[index])) continue;
    if (authorization !== undefined) return refuse('ambiguous', 'several Authorization headers');
    authorization = rawHeaders[index + 1] ?? '';
  }
  if (hasTokenInQuery(target)) {
    return refuse('ambiguous', 'a token in the query of the URL');
  }
  if (authorization === undefined) return refuse('missing', 'no Authorization header');
  return readCredential(authorization);
}

function isAuthorization(name: string | undefined): boolean {
  return name?.length === 13 && name.toLowerCase() === 'authorization';
}

function readCredential(authorization: string): Outcome<string, BearerRefusal> {
  if (authorization.length > maxTokenLength + 7)
    return refuse('malformed', `longer than ${maxTokenLength} characters`);
  const token = bearerCredential.exec(authorization)?.[1];
  if (token !== undefined) return accept(token);
  if (authorization.includes(','))
    return refuse('ambiguous', 'several credentials in one Authorization header');
  if (/^bearer\b/i.test(authorization)) return refuse('malformed', 'not one b64token behind the scheme');
  return refuse('missing', 'a scheme other than Bearer');
}

/** RFC 6750 section 2.3 allows it, section 5.3 advises against it; this API refuses it, however it is spelled. */
function hasTokenInQuery(target: string): boolean {
  const query = target.indexOf('?');
  if (query === -1 || !/access_token|%/.test(target)) return false;
  return new URLSearchParams(target.slice(query + 1)).has('access_token');
}
