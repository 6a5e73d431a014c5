import { Pool, errors } from 'undici';
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
  /** Certificates in PEM to trust instead of those that Node brings along. */
  readonly ca?: string;
  /** For calls that are far apart: each has a connection of its own, so that none is stale and none is sent twice. */
  readonly isSeldom?: boolean;
  /** Answers of every status but redirects come back as answers; unless set, those of 2xx only. */
  readonly anyStatus?: boolean;
}

export interface UndiciUpstream {
  readonly call: UpstreamCall;
  /** Ends idle sockets and those in use; calls under way fail as `broken`. */
  close(): Promise<void>;
}

/**
 * The UpstreamCall over one keep-alive undici pool, for one origin.
 *
 * A server may close an idle connection in the very moment it is used again (RFC 9112 section 9.3.1). A call whose
 * connection ends before anything was answered is therefore sent once more, on a connection of its own: after a restart
 * or a network failure every connection of the pool may be stale. So calls have to bear that, or be `isSeldom`.
 */
export function createUndiciUpstream(origin: string, options: UndiciUpstreamOptions): UndiciUpstream {
  // By undici's pipelining 0 each call has a new connection.
  const fresh = createPool(origin, options, 0);
  const pool = options.isSeldom === true ? fresh : createPool(origin, options, 1);
  return {
    call: (request) =>
      new Promise((resolve) => {
        const exchange = new Exchange(request, resolve, {
          anyStatus: options.anyStatus === true,
          sendAgain: pool === fresh ? undefined : () => fresh.dispatch(toDispatch(request), exchange),
        });
        pool.dispatch(toDispatch(request), exchange);
      }),
    close: async () => {
      await Promise.all([pool.destroy(), fresh.destroy()]);
    },
  };
}

function createPool(
  origin: string,
  { connections, connectTimeoutMs, socketPath, ca }: UndiciUpstreamOptions,
  pipelining: 0 | 1,
): Pool {
  return new Pool(origin, {
    connections,
    pipelining,
    // A call that times out takes its connection with it. With HTTP/2 it would leave it to all calls that follow, and
    // none of them would get an answer while the network has forgotten that connection.
    allowH2: false,
    connect: { timeout: connectTimeoutMs, ...(ca === undefined ? {} : { ca }) },
    // The deadline of each call is its own timer; undici's idle timers would only add to it.
    headersTimeout: 0,
    bodyTimeout: 0,
    ...(socketPath === undefined ? {} : { socketPath }),
  });
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

interface Sending {
  readonly anyStatus: boolean;
  readonly sendAgain: (() => void) | undefined;
}

/** Follows one call through undici's events and settles it exactly once. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: UpstreamRequest;
  readonly #settle: Settle;
  readonly #anyStatus: boolean;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  /** Sends the call a second time; gone once that was done. */
  #sendAgain: (() => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: UpstreamAnswer['headers'] = {};
  #bytes = 0;

  constructor(request: UpstreamRequest, settle: Settle, { anyStatus, sendAgain }: Sending) {
    this.#request = request;
    this.#settle = settle;
    this.#anyStatus = anyStatus;
    this.#sendAgain = sendAgain;
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
    // Interim responses may precede any answer, asked for or not (RFC 9110 section 15.2).
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    const refusal =
      refusedByStatus(status, headers, this.#anyStatus) ?? refusedByHead(headers, this.#request.maxBytes);
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
    if (this.#controller === undefined) this.#finish(refuse('unreachable', 'no connection', { cause }));
    else if (this.#mayBeSentAgain(cause)) this.#repeat();
    else this.#finish(refuse('broken', 'the connection ended before the answer did', { cause }));
  }

  #mayBeSentAgain(cause: Error): boolean {
    return (
      this.#sendAgain !== undefined && this.#status === 0 && !(cause instanceof errors.ClientDestroyedError)
    );
  }

  /** The deadline stays the one of the first attempt. */
  #repeat(): void {
    const sendAgain = this.#sendAgain;
    this.#sendAgain = undefined;
    this.#controller = undefined;
    sendAgain?.();
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

function refusedByStatus(
  status: number,
  headers: UpstreamAnswer['headers'],
  anyStatus: boolean,
): Refused<UpstreamFailure> | undefined {
  if (status >= 300 && status < 400)
    return refuse('redirect', `answered ${status}; redirects are not followed`);
  if (anyStatus) return undefined;
  if (status === 429) return refuse('rate_limited', 'answered 429', retryAfter(headers));
  if (status > 299) return refuse('status', `answered ${status}`, retryAfter(headers));
  return undefined;
}

function refusedByHead(
  headers: UpstreamAnswer['headers'],
  maxBytes: number,
): Refused<UpstreamFailure> | undefined {
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
