import { hash } from 'node:crypto';
import { BoundedCache } from '../../base/bounded-cache.js';
import type { Clock } from '../../base/clock.js';
import { FailureAllowance } from './failure-allowance.js';
import { rateLimited } from './rate-limited.js';

/** A person who mistypes, or a deployment with an old secret, stays below it; who guesses gets nowhere. */
const failuresOfPair = 10;
/** One secret tried on many accounts from one place. An office behind one address has room for its mishaps. */
const failuresOfSource = 100;
/**
 * A network of guessers with a source each. Far above what a whole organisation gets wrong, and little load: each
 * failure costs a read, or a password hash whose number at a time is bounded anyway.
 */
const failuresOfAll = 3000;
/** For how long a pair that got it right is let in while others use up the allowances of source and all. */
const trustedMs = 24 * 3_600_000;
/**
 * Each takes some 150 bytes. Failures come at no more than `failuresOfAll` a minute, and a key's bucket is full again
 * within a minute: no entry that still counts is ever pushed out.
 */
const maxKeys = 50_000;
/** The one key of what is counted over everything. */
const everything = '*';

/**
 * Slows down guessing: so many failed attempts a minute for an account from one source, for one source, and over all.
 * Who is elsewhere than the guesser is not hindered, nor is anybody who doesn't fail. Counts are this process's own.
 *
 * An attempt is `check`, the verification, then `failed` or `succeeded`. All three refuse: the answers to a crowd of
 * attempts that all passed `check` at the same time tell no more about the secret than those one after the other.
 */
export class AttemptLimiter {
  readonly #clock: Clock;
  readonly #pairs: FailureAllowance;
  readonly #sources: FailureAllowance;
  readonly #all: FailureAllowance;
  readonly #trusted: BoundedCache<true>;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#pairs = new FailureAllowance(failuresOfPair, maxKeys, clock);
    this.#sources = new FailureAllowance(failuresOfSource, maxKeys, clock);
    this.#all = new FailureAllowance(failuresOfAll, 1, clock);
    this.#trusted = new BoundedCache(maxKeys, clock);
  }

  /**
   * Before the verification.
   *
   * @param account client id or login as sent, whether there is one or not; case is no difference
   * @param source see sourceOf
   * @throws OktaApiError 429 `E0000047`
   */
  check(account: string, source: string): void {
    this.#check(pairOf(account, source), source);
  }

  /** After a verification that failed: it counts. @throws OktaApiError 429 where it was one too many */
  failed(account: string, source: string): void {
    const pair = pairOf(account, source);
    this.#check(pair, source);
    this.#pairs.spend(pair);
    this.#sources.spend(source);
    this.#all.spend(everything);
  }

  /** After a verification that succeeded. @throws OktaApiError 429 where too many others failed meanwhile */
  succeeded(account: string, source: string): void {
    const pair = pairOf(account, source);
    this.#check(pair, source);
    this.#trusted.set(pair, true, this.#clock() + trustedMs);
  }

  #check(pair: string, source: string): void {
    if (this.#pairs.isUsedUp(pair)) throw rateLimited(this.#pairs.of(pair), this.#clock());
    const spent = this.#sources.isUsedUp(source)
      ? this.#sources.of(source)
      : this.#all.isUsedUp(everything) && this.#all.of(everything);
    if (spent !== false && this.#trusted.get(pair) === undefined) throw rateLimited(spent, this.#clock());
  }
}

/** Accounts come from outside, of any length. */
function pairOf(account: string, source: string): string {
  const name = account.toLowerCase();
  return `${source} ${name.length > 64 ? hash('sha256', name, 'base64url') : name}`;
}
