import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { accept, refuse } from './outcome.js';
import type { Outcome, Refused } from './outcome.js';
import type { UpstreamAnswer, UpstreamCall, UpstreamFailure, UpstreamRequest } from './upstream.js';

export interface UndiciUpstreamOptions {
  /** Sockets to one origin at most; further calls wait inside their own deadline. */
  readonly connections: number;
  /** Path of a Unix socket to connect to instead of the host in the URL. */
  readonly socketPath?: string;
  /** Time to establish one connection, in milliseconds. */
  readonly connectTimeoutMs: number;
}

export interface UndiciUpstream {
  readonly call: UpstreamCall;
  /** Ends idle sockets and those in use; calls under way fail as `broken`. */
  close(): Promise<void>;
}

/** The UpstreamCall over one keep-alive undici pool, for one origin. */
export function createUndiciUpstream(origin: string, options: UndiciUpstreamOptions): UndiciUpstream {
  const pool = new Pool(origin, {
    connections: options.connections,
    pipelining: 1,
    connect: { timeout: options.connectTimeoutMs },
    // The deadline of each call is its own timer; undici's idle timers would only add to it.
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(options.socketPath === undefined ? {} : { socketPath: options.socketPath }),
  });
  return {
    call: (request) =>
      new Promise((resolve) => pool.dispatch(toDispatch(request), new Exchange(request, resolve))),
    close: () => pool.destroy(),
  };
}

function toDispatch(request: UpstreamRequest): Dispatcher.DispatchOptions {
  return {
    method: request.method,
    path: request.url.pathname + request.url.search,
    headers: { ...request.headers },
    body: request.body ?? null,
  };
}

type Settle = (outcome: Outcome<UpstreamAnswer, UpstreamFailure>) => void;

/** Follows one call through undici's events and settles it exactly once. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: UpstreamRequest;
  readonly #settle: Settle;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: UpstreamAnswer['headers'] = {};
  #bytes = 0;

  constructor(request: UpstreamRequest, settle: Settle) {
    this.#request = request;
    this.#settle = settle;
    this.#timer = setTimeout(() => {
      this.#refuse(refuse('timeout', `no complete answer within ${request.timeoutMs} ms`));
    }, request.timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The deadline may have passed while the call waited for a connection: nothing is sent then.
    if (this.#settled) controller.abort(new Error('deadline passed'));
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: UpstreamAnswer['headers'],
  ): void {
    this.#status = status;
    this.#headers = headers;
    const refusal = refusedByHead(status, headers, this.#request.maxBytes);
    if (refusal !== undefined) this.#refuse(refusal);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#request.maxBytes) this.#refuse(oversized(this.#request.maxBytes));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    this.#finish(accept({ status: this.#status, headers: this.#headers, text: this.#text() }));
  }

  onResponseError(_: unknown, cause: Error): void {
    if (this.#settled) return;
    const started = this.#controller !== undefined;
    this.#finish(
      started
        ? refuse('broken', 'the connection ended before the answer did', { cause })
        : refuse('unreachable', 'no connection', { cause }),
    );
  }

  #text(): string {
    const [only] = this.#chunks;
    return (this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks)).toString('utf8');
  }

  #refuse(refusal: Refused<UpstreamFailure>): void {
    if (this.#settled) return;
    this.#finish(refusal);
    this.#controller?.abort(new Error(refusal.reason));
  }

  #finish(outcome: Outcome<UpstreamAnswer, UpstreamFailure>): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#settle(outcome);
  }
}

function refusedByHead(
  status: number,
  headers: UpstreamAnswer['headers'],
  maxBytes: number,
): Refused<UpstreamFailure> | undefined {
  if (status >= 300 && status < 400)
    return refuse('redirect', `answered ${status}; redirects are not followed`);
  if (status === 429) return refuse('rate_limited', 'answered 429', retryAfter(headers));
  if (status < 200 || status > 299) return refuse('status', `answered ${status}`, retryAfter(headers));
  // No encoding was asked for, and a compressed body would make the bound on its size meaningless.
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    return refuse('misshapen', 'the body is encoded although no encoding was asked for');
  }
  if (Number(headers['content-length'] ?? 0) > maxBytes) return oversized(maxBytes);
  return undefined;
}

function oversized(maxBytes: number): Refused<UpstreamFailure> {
  return refuse('oversized', `the body is larger than ${maxBytes} bytes`);
}

/** Retry-After in its delay form (RFC 9110 section 10.2.3), at most an hour; the date form is left out. */
function retryAfter(headers: UpstreamAnswer['headers']): { retryAfterSeconds?: number } {
  const value = headers['retry-after'];
  return typeof value === 'string' && /^\d{1,4}$/.test(value)
    ? { retryAfterSeconds: Math.min(Number(value), 3600) }
    : {};
}
