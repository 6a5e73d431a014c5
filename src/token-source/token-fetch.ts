import { refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';
import type { Grants } from './grants.js';
import type { Pace } from './pace.js';
import type { Timing } from './timing.js';
import type { TokenEndpoint } from './token-endpoint.js';
import type { IssuedToken } from './token-response.js';
import type { TokenErrorCode } from './token-source-error.js';

export interface TokenFetchOptions {
  readonly endpoint: TokenEndpoint;
  readonly grants: Grants;
  readonly pace: Pace;
  readonly timing: Timing;
  /** All attempts and the pauses between them, in milliseconds. */
  readonly deadlineMs: number;
  /** Ends pauses. */
  readonly closing: AbortSignal;
}

type Fetched = Outcome<IssuedToken, TokenErrorCode>;

export interface TokenFetchBounds {
  /** Further attempts while the server is unavailable. */
  readonly retries: number;
  /** By the steady clock. */
  readonly deadline: number;
  /** What there is to say if no attempt can be made within them. */
  readonly otherwise?: Refused<TokenErrorCode> | undefined;
}

/** Fetches a token from the server: several attempts, one after another, until the deadline. */
export class TokenFetch {
  readonly #options: TokenFetchOptions;

  constructor(options: TokenFetchOptions) {
    this.#options = options;
  }

  /** That of a fetch which begins now, by the steady clock. */
  deadline(): number {
    const { timing, deadlineMs } = this.#options;
    return timing.steady() + deadlineMs;
  }

  async fetch({ retries, deadline, otherwise }: TokenFetchBounds): Promise<Fetched> {
    let outcome: Fetched = otherwise ?? this.#leftAlone();
    for (let attempt = 0; attempt <= retries && this.#isDueBefore(deadline); attempt++) {
      outcome = await this.#pausedAttempt(deadline);
      if (outcome.ok || outcome.code !== 'unavailable') break;
    }
    return outcome;
  }

  #isDueBefore(deadline: number): boolean {
    const { pace, timing } = this.#options;
    return timing.steady() + pace.pauseMs() < deadline;
  }

  /** What there is to say when the server asked for a pause that is longer than the deadline. */
  #leftAlone(): Fetched {
    const retryAfterSeconds = Math.max(Math.ceil(this.#options.pace.pauseMs() / 1000), 0);
    return refuse('unavailable', 'the server asked not to be asked yet', { retryAfterSeconds });
  }

  async #pausedAttempt(deadline: number): Promise<Fetched> {
    const { pace, timing, closing } = this.#options;
    const pauseMs = pace.pauseMs();
    if (pauseMs > 0) await timing.wait(pauseMs, closing);
    if (closing.aborted) return refuse('closed', 'the token source was closed');
    const outcome = await this.#attempt(deadline);
    if (outcome.ok) pace.succeeded();
    else pace.failed(outcome.retryAfterSeconds);
    return outcome;
  }

  async #attempt(deadline: number): Promise<Fetched> {
    const { endpoint, grants } = this.#options;
    const sent = grants.parameters();
    const answer = await endpoint.request(sent, deadline);
    if (answer.ok) grants.adopt(answer.value.refreshToken);
    const issued = answer.ok ? answer.value.issued : answer;
    return !issued.ok && grants.fallBack(sent, issued.code) ? this.#attempt(deadline) : issued;
  }
}
