import type { Timing } from './timing.js';

const firstPauseMs = 250;
const longestPauseMs = 5_000;
/** What a Retry-After counts at most: a mistake in it must not silence a program for good. */
const longestRetryAfterMs = 300_000;

/** When the server may be asked again after it failed: later each time, and not before it wants to be. */
export class Pace {
  readonly #timing: Timing;
  readonly #deadlineMs: number;
  #failures = 0;
  #notBefore = -Infinity;

  /** @param deadlineMs of a fetch: pauses of our own choice are short beside it */
  constructor(timing: Timing, deadlineMs: number) {
    this.#timing = timing;
    this.#deadlineMs = deadlineMs;
  }

  /** Milliseconds from now on; 0 or less when the server may be asked. */
  pauseMs(): number {
    return this.#notBefore - this.#timing.steady();
  }

  succeeded(): void {
    this.#failures = 0;
    this.#notBefore = -Infinity;
  }

  failed(retryAfterSeconds = 0): void {
    const retryAfterMs = Math.min(retryAfterSeconds * 1000, longestRetryAfterMs);
    this.#notBefore = this.#timing.steady() + Math.max(this.#backoffMs(), retryAfterMs);
    this.#failures++;
  }

  /** Half of it is chance, so that the clients of one server don't come back together. */
  #backoffMs(): number {
    const longest = Math.min(longestPauseMs, this.#deadlineMs / 4);
    const pause = Math.min(firstPauseMs * 2 ** this.#failures, longest);
    return (pause * (1 + this.#timing.random())) / 2;
  }
}
