import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.js';
import { FailureCounts } from '../base/failure-counts.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';
import type { UpstreamCall, UpstreamFailure } from '../base/upstream.js';
import type { ReadKeys, SigningKey } from './signing-keys.js';
import { parseStrictObjectText } from './strict-json.js';

/** A key as an issuer publishes it. */
export interface PublishedKey {
  readonly kid: string;
  /** Public members only. */
  readonly jwk: Readonly<Record<string, string>>;
}

export interface KeySetOptions<K extends PublishedKey> {
  /** `{issuer}/v1/keys`, or a mirror of it. */
  readonly url: URL;
  readonly call: UpstreamCall;
  /** The usable keys of the answer's JSON; undefined when it is no JWK set. */
  readonly read: (keySet: unknown) => ReadKeys<K> | undefined;
  /** Whole fetch, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Hears of dropped keys and failed refreshes. */
  readonly onWarning: (message: string) => void;
}

export type KeyOutcome<K> = Outcome<K, 'unknown_key' | 'unavailable'>;

/** For how long the last good keys serve while the issuer is away: 24 hours, the longest life of an Okta token. */
export const maxKeyAgeMs = 24 * 3_600_000;

const maxBodyBytes = 256 * 1024;
const shortestRefreshMs = 60_000;
const longestRefreshMs = 3_600_000;
/** Between two fetches, whoever asks: unknown kids can't be turned into load on the issuer. */
const coolDownAfterSuccessMs = 5_000;
const coolDownAfterFailureMs = 1_000;
const longestRetryAfterMs = 4_000;

interface Fetched<K> {
  readonly keys: ReadonlyMap<string, K>;
  readonly at: number;
}

/**
 * The issuer's key set, held by this process: fetched ahead of its expiry, one fetch in flight, one refetch per
 * cool-down for kids that are not in it, and the last good keys for {@link maxKeyAgeMs} when the issuer is away.
 */
export class RemoteKeySet<K extends PublishedKey = SigningKey> {
  readonly failures = new FailureCounts('okta_keys');
  readonly #options: KeySetOptions<K>;
  readonly #changeListeners: (() => void)[] = [];
  #fetched: Fetched<K> | undefined;
  #inFlight: Promise<Outcome<null, 'unavailable'>> | undefined;
  #lastFailure: Outcome<null, 'unavailable'> = refuse('unavailable', 'the key set was not fetched yet');
  #nextFetchAt = 0;
  #refreshTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: KeySetOptions<K>) {
    this.#options = options;
  }

  /** The key of that id if it is at hand: the way of nearly every request. */
  find(kid: string): K | undefined {
    return this.#usable()?.get(kid);
  }

  /** The key of that id, fetching the set when it has no such key and the cool-down allows it. */
  async resolve(kid: string): Promise<KeyOutcome<K>> {
    const known = this.find(kid);
    if (known !== undefined) return accept(known);
    const refreshed = await this.refresh();
    const found = this.find(kid);
    if (found !== undefined) return accept(found);
    return refreshed.ok ? refuse('unknown_key', 'no usable key of that kid in the key set') : refreshed;
  }

  /** Fetches the set unless a fetch is under way or the cool-down lasts; tells how the last fetch ended. */
  refresh(): Promise<Outcome<null, 'unavailable'>> {
    if (this.#inFlight !== undefined) return this.#inFlight;
    if (this.#options.clock() < this.#nextFetchAt) return Promise.resolve(this.#lastFailure);
    this.#inFlight = this.#fetch().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  /** Seconds since the keys in use were fetched; null without keys. */
  ageSeconds(): number | null {
    return this.#fetched === undefined ? null : (this.#options.clock() - this.#fetched.at) / 1000;
  }

  /** Whether there are keys to verify with. */
  isWarm(): boolean {
    return this.#usable() !== undefined;
  }

  /** Calls back whenever the set of keys is another one than before. */
  onChange(listener: () => void): void {
    this.#changeListeners.push(listener);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#refreshTimer);
  }

  #usable(): ReadonlyMap<string, K> | undefined {
    if (this.#fetched === undefined) return undefined;
    return this.#options.clock() - this.#fetched.at <= maxKeyAgeMs ? this.#fetched.keys : undefined;
  }

  async #fetch(): Promise<Outcome<null, 'unavailable'>> {
    const answer = await this.#options.call({
      method: 'GET',
      url: this.#options.url,
      headers: { accept: 'application/json' },
      timeoutMs: this.#options.timeoutMs,
      maxBytes: maxBodyBytes,
    });
    if (!answer.ok) return this.#failed(answer.code, answer.reason, answer.retryAfterSeconds);
    const read = this.#options.read(parseStrictObjectText(answer.value.text));
    if (read === undefined) return this.#failed('misshapen', 'the answer is no JWK set');
    this.#warn(read);
    if (read.keys.size === 0) return this.#failed('misshapen', 'the JWK set has no usable key');
    return this.#succeeded(read, answer.value.headers['cache-control']);
  }

  #succeeded(read: ReadKeys<K>, cacheControl: string | string[] | undefined): Outcome<null, 'unavailable'> {
    const now = this.#options.clock();
    const before = this.#fetched?.keys;
    const changed = !sameKeys(before, read.keys);
    // Unchanged keys stay the same objects, and with them what verifiers derived from them.
    this.#fetched = { keys: changed || before === undefined ? read.keys : before, at: now };
    this.#nextFetchAt = now + coolDownAfterSuccessMs;
    this.#lastFailure = accept(null);
    this.#scheduleRefresh(refreshDelay(cacheControl));
    if (changed) for (const listener of this.#changeListeners) listener();
    return this.#lastFailure;
  }

  #failed(failure: UpstreamFailure, reason: string, retryAfterSeconds = 0): Outcome<null, 'unavailable'> {
    this.failures.add(failure);
    // A fetch that was cut off because the service ends is nothing to tell.
    if (!this.#closed) this.#options.onWarning(`the key set could not be fetched (${failure}): ${reason}`);
    const wait = Math.min(Math.max(coolDownAfterFailureMs, retryAfterSeconds * 1000), longestRetryAfterMs);
    this.#nextFetchAt = this.#options.clock() + wait;
    this.#lastFailure = refuse('unavailable', `key set: ${reason}`, {
      retryAfterSeconds: Math.ceil(wait / 1000),
    });
    this.#scheduleRefresh(longestRetryAfterMs);
    return this.#lastFailure;
  }

  #warn({ warnings }: ReadKeys<K>): void {
    for (const warning of warnings) this.#options.onWarning(warning);
  }

  #scheduleRefresh(delayMs: number): void {
    clearTimeout(this.#refreshTimer);
    if (this.#closed) return;
    this.#refreshTimer = setTimeout(() => void this.refresh(), delayMs);
    this.#refreshTimer.unref();
  }
}

/** Four fifths of the announced max-age, between a minute and an hour, in milliseconds. */
function refreshDelay(cacheControl: string | string[] | undefined): number {
  const maxAge = /\bmax-age=(\d{1,9})/.exec(String(cacheControl))?.[1];
  const announced = maxAge === undefined ? longestRefreshMs : Number(maxAge) * 800;
  return Math.min(Math.max(announced, shortestRefreshMs), longestRefreshMs);
}

function sameKeys(
  before: ReadonlyMap<string, PublishedKey> | undefined,
  after: ReadonlyMap<string, PublishedKey>,
): boolean {
  if (before?.size !== after.size) return false;
  return [...after].every(([kid, { jwk }]) => isDeepStrictEqual(before.get(kid)?.jwk, jwk));
}
