import type { Outcome } from './outcome.js';

/** How a call to another server can fail. These are also the `class` label of the upstream error metric. */
export type UpstreamFailure =
  | 'unreachable' // refused, no route, TLS failure, name not found
  | 'timeout' // the total deadline passed, wherever the call was
  | 'broken' // the connection ended before the answer did
  | 'redirect' // 3xx; never followed
  | 'rate_limited' // 429
  | 'status' // any other status the caller did not ask for
  | 'oversized' // the body is larger than the caller allows
  | 'misshapen'; // an encoded body, no JSON, or JSON of another shape

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whole call, from waiting for a connection to the last byte, in milliseconds. */
  readonly timeoutMs: number;
  /** The most bytes of body that are read. */
  readonly maxBytes: number;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/**
 * One bounded HTTP call: total deadline, bounded body, no redirects, no content encodings. Statuses other than 2xx
 * come back as refusals. Never throws.
 */
export type UpstreamCall = (request: UpstreamRequest) => Promise<Outcome<UpstreamAnswer, UpstreamFailure>>;
