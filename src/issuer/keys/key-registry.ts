import { systemClock } from '../../base/clock.js';
import type { Clock } from '../../base/clock.js';
import { audit } from '../audit/audit.js';
import type { Actor } from '../audit/audit.js';
import { RegistryError } from '../registry-error.js';
import type { Peppers } from '../peppers.js';
import type { Database, Store } from '../store/open-store.js';
import type { KeyState, NewSigningKey, SigningAlgorithm, SigningKeyRow } from '../store/schema.js';
import { newSigningKey } from './key-generation.js';
import { lockKeys, readKeys } from './signing-key-ring.js';
import type { SigningKeyRing } from './signing-key-ring.js';

/** A key as the registry shows it: never with its private part. Times in ISO 8601. */
export interface KeyInfo {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly state: KeyState;
  readonly created_at: string;
  /** When another took its place; null before. */
  readonly retired_at: string | null;
  /** Until when a retired key is published; null before. */
  readonly served_until: string | null;
}

/**
 * How long a retired key is served, in milliseconds: no token of any authorization server lives longer than 24 hours
 * (the tables see to that), and a minute is for processes that have not heard of the rotation yet.
 */
const servedMs = (86_400 + 60) * 1000;

/** Which keys sign and verify. Of several processes, one at a time changes them. */
export class KeyRegistry {
  readonly #store: Store;
  readonly #peppers: Peppers;
  readonly #ring: SigningKeyRing | undefined;
  readonly #clock: Clock;

  /** @param ring of this process, which learns of changes at once; others learn of them at their next refresh */
  constructor(store: Store, peppers: Peppers, ring?: SigningKeyRing, clock: Clock = systemClock) {
    this.#store = store;
    this.#peppers = peppers;
    this.#ring = ring;
    this.#clock = clock;
  }

  /** Every key that is published: current, next, retired. */
  async list(): Promise<KeyInfo[]> {
    return (await readKeys(this.#store.db)).map(shown);
  }

  /**
   * The next key, which has been published since it was made, signs from now on; the current one only verifies, until
   * the last token that it signed has expired.
   *
   * @param algorithm of the keys to rotate; all when absent
   * @param actor for the audit: `cli`, or `client:` and an id
   * @returns every key afterwards
   * @throws RegistryError when there are no keys of that algorithm
   */
  async rotate(algorithm?: SigningAlgorithm, actor: Actor = 'cli'): Promise<KeyInfo[]> {
    const rotated = await this.#algorithms(algorithm);
    // Made before the others are locked out: an RSA key takes a tenth of a second and more.
    const made = await Promise.all(rotated.map((each) => newSigningKey(each, 'next', this.#peppers)));
    await this.#change(async (db) => {
      for (const next of made) await this.#rotateTo(db, next, actor);
    });
    return this.list();
  }

  /**
   * In an emergency: the key is gone at once, and the tokens that it signed are good for nothing. The next key takes the
   * place of a current one.
   *
   * @param actor for the audit: `cli`, or `client:` and an id
   * @returns the key as it was
   * @throws RegistryError when there is no such key
   */
  async remove(kid: string, actor: Actor = 'cli'): Promise<KeyInfo> {
    const row = found(await selectKey(this.#store.db, kid), kid);
    const made =
      row.state === 'retired' ? undefined : await newSigningKey(row.algorithm, 'next', this.#peppers);
    const removed = await this.#change(async (db) => {
      const deleted = found(
        await db.deleteFrom('signing_keys').where('kid', '=', kid).returningAll().executeTakeFirst(),
        kid,
      );
      const { algorithm, state } = deleted;
      const current = state === 'current' ? await promoteNext(db, algorithm) : undefined;
      const next = state === 'retired' ? undefined : made;
      if (next !== undefined) await db.insertInto('signing_keys').values(next).execute();
      const details = { algorithm, state, current, next: next?.kid };
      await audit(db, { actor, action: 'key.remove', target: kid, details });
      return deleted;
    });
    return shown(removed);
  }

  async #algorithms(asked: SigningAlgorithm | undefined): Promise<SigningAlgorithm[]> {
    const keys = await this.list();
    const there = keys.filter(({ state }) => state === 'current').map(({ algorithm }) => algorithm);
    if (asked === undefined) return there;
    if (!there.includes(asked))
      throw new RegistryError(
        `there are no ${asked} keys: no authorization server has signed with that algorithm`,
      );
    return [asked];
  }

  async #rotateTo(db: Database, next: NewSigningKey, actor: Actor): Promise<void> {
    const { algorithm } = next;
    const now = this.#clock();
    const retired = await db
      .updateTable('signing_keys')
      .set({ state: 'retired', retired_at: new Date(now), served_until: new Date(now + servedMs) })
      .where('algorithm', '=', algorithm)
      .where('state', '=', 'current')
      .returning('kid')
      .executeTakeFirst();
    const current = await promoteNext(db, algorithm);
    await db.insertInto('signing_keys').values(next).execute();
    const details = { algorithm, retired: retired?.kid, next: next.kid };
    await audit(db, { actor, action: 'key.rotate', target: current, details });
  }

  /** One change of keys at a time, seen by this process when it is done. */
  async #change<T>(work: (transaction: Database) => Promise<T>): Promise<T> {
    const result = await this.#store.change(async (transaction) => {
      await lockKeys(transaction);
      return work(transaction);
    });
    await this.#ring?.refresh();
    return result;
  }
}

function selectKey(db: Database, kid: string): Promise<SigningKeyRow | undefined> {
  return db.selectFrom('signing_keys').selectAll().where('kid', '=', kid).executeTakeFirst();
}

/** @returns its id */
async function promoteNext(db: Database, algorithm: SigningAlgorithm): Promise<string> {
  const { kid } = await db
    .updateTable('signing_keys')
    .set({ state: 'current' })
    .where('algorithm', '=', algorithm)
    .where('state', '=', 'next')
    .returning('kid')
    .executeTakeFirstOrThrow();
  return kid;
}

function found(row: SigningKeyRow | undefined, kid: string): SigningKeyRow {
  if (row === undefined) throw new RegistryError(`there is no key ${JSON.stringify(kid.slice(0, 60))}`);
  return row;
}

function shown({ kid, algorithm, state, created_at, retired_at, served_until }: SigningKeyRow): KeyInfo {
  return {
    kid,
    algorithm,
    state,
    created_at: created_at.toISOString(),
    retired_at: retired_at?.toISOString() ?? null,
    served_until: served_until?.toISOString() ?? null,
  };
}
