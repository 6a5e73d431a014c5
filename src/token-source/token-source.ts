import { refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';
import type { Grants } from './grants.js';
import { keptLonger, keptToken } from './kept-token.js';
import type { KeptToken } from './kept-token.js';
import type { Pace } from './pace.js';
import { millisecondsSince } from './timing.js';
import type { Timing } from './timing.js';
import type { TokenFetch, TokenFetchBounds } from './token-fetch.js';
import type { IssuedToken } from './token-response.js';
import { TokenSourceError } from './token-source-error.js';
import type { TokenErrorCode } from './token-source-error.js';
import type { RefreshEvent, TokenSourceOptions } from './token-source-options.js';
import type { Transport } from './transport.js';

/** What a token source is made of. */
export interface TokenSourceParts {
  readonly transport: Transport;
  readonly fetch: TokenFetch;
  readonly grants: Grants;
  readonly pace: Pace;
  readonly timing: Timing;
  readonly closing: AbortController;
  readonly report: (event: RefreshEvent) => void;
}

type SourceOptions = Pick<TokenSourceOptions, 'retries' | 'refreshAheadMs' | 'clockSkewMs'>;
type Fetched = Outcome<string, TokenErrorCode>;

const defaultRetries = 3;

/**
 * Hands out a token that is good for now: fetched once for all who ask together, replaced in the background before it
 * ends, and never handed out after that.
 */
export class TokenSource {
  readonly #options: SourceOptions;
  readonly #parts: TokenSourceParts;
  #kept: KeptToken | undefined;
  /** With somebody who waits for it; retried until the deadline. */
  #fetching: Promise<Fetched> | undefined;
  /** While the kept token is still good: one attempt, and then another one later. */
  #refreshing: Promise<Fetched> | undefined;
  /** The last request and what came of it, whoever asked. */
  #asked: Promise<Fetched> | undefined;
  #cancelTimer: () => void = () => undefined;

  constructor(options: SourceOptions, parts: TokenSourceParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /**
   * A token that has not expired.
   *
   * @param signal ends the wait of this caller only: others may wait for the same fetch, and its answer may bring a
   *   refresh token that must not be lost
   * @throws TokenSourceError, as a rejection
   */
  token({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<string> {
    if (this.#parts.closing.signal.aborted) return Promise.reject(toError(closed));
    if (signal?.aborted === true) return Promise.reject(aborted(signal));
    const kept = this.#kept;
    if (kept === undefined) return this.#fetched(signal);
    const ageMs = millisecondsSince(kept.requestedAt, this.#parts.timing);
    if (ageMs >= kept.usableMs) return this.#fetched(signal);
    if (ageMs >= kept.refreshMs) this.#refresh();
    return kept.promise;
  }

  /** For the `password` of `pg`'s Client and Pool, which call it for each connection. */
  asPassword(): () => Promise<string> {
    return () => this.token();
  }

  /** For HTTP clients: the header of RFC 6750 section 2.1. */
  asHeader(): () => Promise<{ authorization: string }> {
    return async () => ({ authorization: `Bearer ${await this.token()}` });
  }

  /**
   * Ends everything under way; whoever waits is told `closed`. Tokens already handed out stay as they are. With
   * `onRefreshToken` a request that was sent is answered first, within its deadline, and that has returned.
   */
  async close(): Promise<void> {
    const { closing, grants, transport } = this.#parts;
    this.#cancelTimer();
    this.#kept = undefined;
    closing.abort();
    // The server may have replaced the refresh token already: its answer has the only one that is good.
    if (grants.areKept) await this.#asked;
    await Promise.all([transport.close(), grants.told()]);
  }

  async #fetched(signal: AbortSignal | undefined): Promise<string> {
    const { signal: closing } = this.#parts.closing;
    // Those who wait are told at once, even where close() waits for the answer.
    this.#fetching ??= unlessAborted(this.#fetch(), closing, () => Promise.resolve(closed)).finally(() => {
      this.#fetching = undefined;
    });
    const outcome = await unlessAborted(this.#fetching, signal, gaveUp);
    if (outcome.ok) return outcome.value;
    throw toError(outcome);
  }

  /** One fetch at a time: what is under way in the background comes first, and may be all that is needed. */
  async #fetch(): Promise<Fetched> {
    const deadline = this.#parts.fetch.deadline();
    const refreshed = await this.#refreshing;
    if (refreshed?.ok === true || (refreshed !== undefined && !passing.has(refreshed.code))) return refreshed;
    return this.#ask({ retries: this.#options.retries ?? defaultRetries, deadline, otherwise: refreshed });
  }

  #refresh(): void {
    if (this.#refreshing !== undefined || this.#fetching !== undefined) return;
    const deadline = this.#parts.fetch.deadline();
    this.#refreshing = this.#ask({ retries: 0, deadline }).finally(() => {
      this.#refreshing = undefined;
    });
  }

  #ask(bounds: TokenFetchBounds): Promise<Fetched> {
    this.#asked = this.#answer(bounds);
    return this.#asked;
  }

  async #answer(bounds: TokenFetchBounds): Promise<Fetched> {
    const issued = await this.#parts.fetch.fetch(bounds);
    if (this.#parts.closing.signal.aborted) return closed;
    if (issued.ok) this.#keep(issued.value);
    else this.#keepLonger(issued);
    return issued.ok ? { ok: true, value: issued.value.token } : issued;
  }

  #keep(issued: IssuedToken): void {
    const kept = keptToken(issued, this.#options, this.#parts.timing.random);
    this.#kept = kept;
    this.#schedule();
    this.#parts.report({ ok: true, usableUntil: kept ? kept.requestedAt.wall + kept.usableMs : null });
  }

  #keepLonger(failure: Refused<TokenErrorCode>): void {
    const { timing, pace, report } = this.#parts;
    if (this.#kept !== undefined) {
      const ageMs = millisecondsSince(this.#kept.requestedAt, timing);
      this.#kept = keptLonger(this.#kept, ageMs, pace.pauseMs());
    }
    this.#schedule();
    report({ ok: false, error: toError(failure) });
  }

  /** A token that has ended is replaced when somebody asks for one: nobody may ever do so again. */
  #schedule(): void {
    const { timing } = this.#parts;
    this.#cancelTimer();
    if (this.#kept === undefined || this.#kept.refreshMs >= this.#kept.usableMs) return;
    const ageMs = millisecondsSince(this.#kept.requestedAt, timing);
    this.#cancelTimer = timing.schedule(this.#kept.refreshMs - ageMs, () => {
      this.#refresh();
    });
  }
}

/** Failures that another attempt, right after, may not meet. */
const passing: ReadonlySet<TokenErrorCode> = new Set(['unavailable', 'timeout']);

const closed = refuse('closed', 'the token source was closed');

function toError({ code, reason, retryAfterSeconds, cause }: Refused<TokenErrorCode>): TokenSourceError {
  const retryAfterMs = retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000;
  return new TokenSourceError(code, `no token: ${reason}`, { retryAfterMs, cause });
}

function aborted({ reason }: AbortSignal): TokenSourceError {
  return new TokenSourceError('aborted', 'no token: the wait for it was aborted', { cause: reason });
}

function gaveUp(signal: AbortSignal): Promise<never> {
  return Promise.reject(aborted(signal));
}

/** The promise, or what `otherwise` makes of the signal when that comes first. */
function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  otherwise: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      resolve(otherwise(signal));
    };
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}
