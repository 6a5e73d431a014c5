import type { Timing } from './timing.js';

const firstPauseMs = 250;
const longestPauseMs = 5_000;

/** When the server may be asked again after it failed: later each time, and not before it wants to be. */
export class Pace {
  readonly #timing: Timing;
  readonly #deadlineMs: number;
  #failures = 0;
  #notBefore = 0;

  /** @param deadlineMs of a fetch: the longest that a Retry-After counts */
  constructor(timing: Timing, deadlineMs: number) {
    this.#timing = timing;
    this.#deadlineMs = deadlineMs;
  }

  /** Milliseconds from now on; 0 or less when the server may be asked. */
  pauseMs(): number {
    return this.#notBefore - this.#timing.clock();
  }

  succeeded(): void {
    this.#failures = 0;
    this.#notBefore = 0;
  }

  failed(retryAfterSeconds = 0): void {
    const retryAfterMs = Math.min(retryAfterSeconds * 1000, this.#deadlineMs);
    this.#notBefore = this.#timing.clock() + Math.max(this.#backoffMs(), retryAfterMs);
    this.#failures++;
  }

  /** Half of it is chance, so that the clients of one server don't come back together. */
  #backoffMs(): number {
    const longest = Math.min(longestPauseMs, this.#deadlineMs / 4);
    const pause = Math.min(firstPauseMs * 2 ** this.#failures, longest);
    return (pause * (1 + this.#timing.random())) / 2;
  }
}
