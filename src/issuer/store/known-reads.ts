import { BoundedCache } from '../../base/bounded-cache.js';
import type { Clock } from '../../base/clock.js';
import type { Store } from './open-store.js';

interface Known<V> {
  readonly value: V;
  /** Of the store, when it was read. */
  readonly generation: number;
}

const maxEntries = 10_000;
/** With an embedded database, what was read stays true until this process changes something. */
const exclusiveMs = 300_000;

/**
 * What was read from the store lately. An embedded database has one process, so a value is good until that process
 * changes something; with PostgreSQL others may change it unseen, so a value is good for `sharedMs` only.
 */
export class KnownReads<V> {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #known: BoundedCache<Known<V>>;

  /** @param sharedMs how long another process's change may go unseen, in milliseconds; 0: not at all */
  constructor(store: Store, clock: Clock, sharedMs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#maxAgeMs = store.isExclusive ? exclusiveMs : sharedMs;
    this.#known = new BoundedCache(maxEntries, clock);
  }

  /** The value if it is known; undefined means that it has to be read. */
  peek(key: string): V | undefined {
    const known = this.#known.get(key);
    return known?.generation === this.#store.generation ? known.value : undefined;
  }

  /** The value, read unless it is known; `undefined` is not remembered. */
  async get(key: string, read: () => Promise<V | undefined>): Promise<V | undefined> {
    return this.peek(key) ?? this.read(key, read);
  }

  /** Reads the value, known or not. */
  async read(key: string, read: () => Promise<V | undefined>): Promise<V | undefined> {
    const { generation } = this.#store;
    const value = await read();
    if (value !== undefined && this.#maxAgeMs > 0)
      this.#known.set(key, { value, generation }, this.#clock() + this.#maxAgeMs);
    return value;
  }
}
