import { accept, refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';

/** Where an OPA listens and which decision is asked for by default: the setting OPA_AUTHZ_URL, taken apart. */
export interface OpaUrl {
  /** The text that was parsed. Holds no credentials. */
  readonly href: string;
  /** Scheme, host and port; `http://localhost` for a Unix socket. */
  readonly origin: string;
  /** Path of the Unix socket to connect to, where the URL names one. */
  readonly socketPath?: string;
  /** Path of the data API, with whatever a proxy puts before it: `/v1/data`. */
  readonly dataPath: string;
  /** Path below `data`, with slashes and not percent-encoded: `demoapi/authz/allow`. */
  readonly decisionPath: string;
}

const expected =
  'expected http(s)://host:port/v1/data/path/of/decision or unix:///path/of.sock:/v1/data/path/of/decision';

/**
 * Takes an OPA URL apart. No reason quotes the text, which might hold a password.
 *
 * @returns `bad_url` for another scheme, credentials, a query, a fragment, or a path that names no decision below
 *   `/v1/data`
 */
export function parseOpaUrl(text: string): Outcome<OpaUrl, 'bad_url'> {
  if (/[?#]/.test(text)) return bad('a query or a fragment has no place in it');
  const socket = /^unix:\/\/(\/[^:]+):(\/.*)$/.exec(text);
  const socketPath = socket?.[1];
  const target = socket ? `http://localhost${socket[2] ?? ''}` : text;
  if (!URL.canParse(target)) return bad(expected);
  const url = new URL(target);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return bad(expected);
  if (url.username !== '' || url.password !== '') return bad('credentials have no place in it');
  return withPath(text, url, socketPath);
}

function withPath(href: string, url: URL, socketPath: string | undefined): Outcome<OpaUrl, 'bad_url'> {
  const data = /^(.*?\/v1\/data)\/(.+)$/.exec(url.pathname);
  if (data === null) return bad(`no decision below /v1/data; ${expected}`);
  const [, dataPath = '', encoded = ''] = data;
  const decisionPath = decodePath(encoded);
  if (decisionPath === undefined) return bad('the path of the decision has an empty or unusable segment');
  const socket = socketPath === undefined ? {} : { socketPath };
  return accept({ href, origin: url.origin, ...socket, dataPath, decisionPath });
}

function decodePath(encoded: string): string | undefined {
  try {
    const segments = encoded.split('/').map(decodeURIComponent);
    return segments.every(isSegment) ? segments.join('/') : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The URL to ask for one decision; undefined when the path can't be one: empty or dot segments would lead to another
 * place in OPA's API.
 */
export function decisionUrl(opa: OpaUrl, decisionPath: string): URL | undefined {
  const segments = decisionPath.split('/');
  if (!segments.every(isSegment)) return undefined;
  return new URL(`${opa.origin}${opa.dataPath}/${segments.map(encodeURIComponent).join('/')}`);
}

function isSegment(segment: string): boolean {
  return (
    segment !== '' && segment !== '.' && segment !== '..' && !segment.includes('/') && segment.isWellFormed()
  );
}

function bad(reason: string): Refused<'bad_url'> {
  return refuse('bad_url', reason);
}
