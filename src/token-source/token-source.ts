import { refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';
import { keptLonger, keptToken } from './kept-token.js';
import type { KeptToken } from './kept-token.js';
import type { Pace } from './pace.js';
import type { Timing } from './timing.js';
import type { TokenFetch } from './token-fetch.js';
import type { IssuedToken } from './token-response.js';
import { TokenSourceError } from './token-source-error.js';
import type { TokenErrorCode } from './token-source-error.js';
import type { RefreshEvent, TokenSourceOptions } from './token-source-options.js';
import type { Transport } from './transport.js';

/** What a token source is made of. */
export interface TokenSourceParts {
  readonly transport: Transport;
  readonly fetch: TokenFetch;
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
    const now = this.#parts.timing.clock();
    if (kept === undefined || now >= kept.usableUntil) return this.#fetched(signal);
    if (now >= kept.refreshAt) this.#refresh();
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

  /** Ends everything under way; whoever waits is told `closed`. Tokens already handed out stay as they are. */
  async close(): Promise<void> {
    this.#cancelTimer();
    this.#kept = undefined;
    this.#parts.closing.abort();
    await this.#parts.transport.close();
  }

  async #fetched(signal: AbortSignal | undefined): Promise<string> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    const outcome = await unlessAborted(this.#fetching, signal);
    if (outcome.ok) return outcome.value;
    throw toError(outcome);
  }

  /** One fetch at a time: what is under way in the background comes first, and may be all that is needed. */
  async #fetch(): Promise<Fetched> {
    const refreshed = await this.#refreshing;
    const isEnough = refreshed !== undefined && (refreshed.ok || refreshed.code !== 'unavailable');
    return isEnough ? refreshed : this.#ask(this.#options.retries ?? defaultRetries);
  }

  #refresh(): void {
    if (this.#refreshing !== undefined || this.#fetching !== undefined) return;
    this.#refreshing = this.#ask(0).finally(() => {
      this.#refreshing = undefined;
    });
  }

  async #ask(retries: number): Promise<Fetched> {
    const issued = await this.#parts.fetch.fetch(retries);
    if (this.#parts.closing.signal.aborted) return closed;
    if (issued.ok) this.#keep(issued.value);
    else this.#keepLonger(issued);
    return issued.ok ? { ok: true, value: issued.value.token } : issued;
  }

  #keep(issued: IssuedToken): void {
    this.#kept = keptToken(issued, this.#options, this.#parts.timing.random);
    this.#schedule();
    this.#parts.report({ ok: true, usableUntil: this.#kept?.usableUntil ?? null });
  }

  #keepLonger(failure: Refused<TokenErrorCode>): void {
    const now = this.#parts.timing.clock();
    if (this.#kept !== undefined) this.#kept = keptLonger(this.#kept, now, this.#parts.pace.pauseMs());
    this.#schedule();
    this.#parts.report({ ok: false, error: toError(failure) });
  }

  /** A token that has ended is replaced when somebody asks for one: nobody may ever do so again. */
  #schedule(): void {
    const { timing } = this.#parts;
    this.#cancelTimer();
    if (this.#kept === undefined || this.#kept.refreshAt >= this.#kept.usableUntil) return;
    this.#cancelTimer = timing.schedule(this.#kept.refreshAt - timing.clock(), () => {
      this.#refresh();
    });
  }
}

const closed = refuse('closed', 'the token source was closed');

function toError({ code, reason, retryAfterSeconds, cause }: Refused<TokenErrorCode>): TokenSourceError {
  const retryAfterMs = retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000;
  return new TokenSourceError(code, `no token: ${reason}`, { retryAfterMs, cause });
}

function aborted({ reason }: AbortSignal): TokenSourceError {
  return new TokenSourceError('aborted', 'no token: the wait for it was aborted', { cause: reason });
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(aborted(signal));
    };
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}
