import { accept, refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';
import { createUndiciUpstream } from '../base/undici-upstream.js';
import type { UndiciUpstream } from '../base/undici-upstream.js';
import type { UpstreamAnswer, UpstreamFailure, UpstreamRequest } from '../base/upstream.js';
import { retryAfterSeconds } from './retry-after.js';
import type { Timing } from './timing.js';

export type TransportFailure = 'unavailable' | 'timeout' | 'bad_response' | 'closed';

export interface TransportOptions {
  readonly timing: Timing;
  /** Once it aborts nothing is sent any more; what was sent goes on until close(). */
  readonly closing: AbortSignal;
  /** For one connection, in milliseconds; each request has a deadline of its own too. */
  readonly connectTimeoutMs: number;
  /** Certificates in PEM to trust instead of those that Node brings along. */
  readonly ca?: string | undefined;
}

const maxBodyBytes = 64 * 1024;
/** One for what is asked, one for what a slow answer still holds. */
const connections = 2;

const failureCodes = {
  unreachable: 'unavailable',
  broken: 'unavailable',
  rate_limited: 'unavailable',
  status: 'unavailable',
  timeout: 'timeout',
  redirect: 'bad_response',
  oversized: 'bad_response',
  misshapen: 'bad_response',
} as const satisfies Record<UpstreamFailure, TransportFailure>;

/** Bounded calls to the authorization server, whose endpoints may be on several origins. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #upstreams = new Map<string, UndiciUpstream>();

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * @param deadline by the steady clock
   * @returns an answer with a status of 2xx or 4xx; 429 and 5xx are `unavailable`
   */
  async send(
    request: Pick<UpstreamRequest, 'method' | 'url' | 'headers' | 'body'>,
    deadline: number,
  ): Promise<Outcome<UpstreamAnswer, TransportFailure>> {
    if (this.#isClosed()) return closed;
    const timeoutMs = deadline - this.#options.timing.steady();
    if (timeoutMs <= 0) return refuse('timeout', 'the deadline passed');
    const upstream = this.#upstreamOf(request.url.origin);
    const answer = await upstream.call({ ...request, timeoutMs, maxBytes: maxBodyBytes });
    if (answer.ok) return this.#judge(answer.value);
    return this.#isClosed() ? closed : failed(answer);
  }

  /** Ends what was sent as well. */
  async close(): Promise<void> {
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()));
  }

  #isClosed(): boolean {
    return this.#options.closing.aborted;
  }

  #judge(answer: UpstreamAnswer): Outcome<UpstreamAnswer, TransportFailure> {
    const { status, headers } = answer;
    if (status !== 429 && status < 500) return accept(answer);
    const seconds = retryAfterSeconds(headers['retry-after'], this.#options.timing.clock());
    const details = seconds === undefined ? {} : { retryAfterSeconds: seconds };
    return refuse('unavailable', `the server answered ${status}`, details);
  }

  /** Few: those of the issuer and of its token endpoint. */
  #upstreamOf(origin: string): UndiciUpstream {
    const known = this.#upstreams.get(origin);
    if (known !== undefined) return known;
    const { connectTimeoutMs, ca } = this.#options;
    // What is sent twice without need may be a refresh token that was used up the first time.
    const kind = { isSeldom: true, anyStatus: true };
    const options = { connections, connectTimeoutMs, ...kind, ...(ca === undefined ? {} : { ca }) };
    const upstream = createUndiciUpstream(origin, options);
    this.#upstreams.set(origin, upstream);
    return upstream;
  }
}

const closed = refuse('closed', 'the token source was closed');

function failed({ code, reason, cause }: Refused<UpstreamFailure>): Refused<TransportFailure> {
  const system = systemError(cause);
  const text = system === undefined ? reason : `${reason} (${system.code})`;
  return refuse(failureCodes[code], text, system === undefined ? {} : { cause: system });
}

/** Its code alone: errors of the HTTP client carry what was received, which may be a token. */
function systemError(cause: unknown): (Error & { readonly code: string }) | undefined {
  const { code } = Object(cause) as { code?: unknown };
  return typeof code === 'string' ? Object.assign(new Error(code), { code }) : undefined;
}
