import { BoundedCache } from '../../base/bounded-cache.js';
import type { Clock } from '../../base/clock.js';

/** What is left of an allowance. Times are milliseconds since the epoch. */
export interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  /** When `remaining` is at least one. */
  readonly resetAt: number;
}

const minuteMs = 60_000;

/**
 * So many failures a minute for each key, as a bucket that refills evenly: the generic cell rate algorithm, which needs
 * one number for a key, the time at which its bucket is full again. Keys whose bucket is full take no memory for long.
 */
export class FailureAllowance {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #fullAt: BoundedCache<number>;

  /**
   * @param limit failures a minute, and at once
   * @param maxKeys the key unused for longest is forgotten
   */
  constructor(limit: number, maxKeys: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
    this.#fullAt = new BoundedCache(maxKeys, clock);
  }

  isUsedUp(key: string): boolean {
    return this.of(key).remaining === 0;
  }

  of(key: string): Allowance {
    const now = this.#clock();
    const missingMs = (this.#fullAt.get(key) ?? now) - now;
    const remaining = Math.max(0, Math.floor((minuteMs - missingMs) / this.#intervalMs));
    return { limit: this.#limit, remaining, resetAt: now + missingMs - minuteMs + this.#intervalMs };
  }

  spend(key: string): void {
    const fullAt = Math.max(this.#fullAt.get(key) ?? 0, this.#clock()) + this.#intervalMs;
    this.#fullAt.set(key, fullAt, fullAt);
  }

  get #intervalMs(): number {
    return minuteMs / this.#limit;
  }
}
