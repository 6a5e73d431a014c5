import type { KeyObject } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { SetupError } from '../../base/setup-error.js';
import type { Peppers } from '../peppers.js';
import type { Database, Store } from '../store/open-store.js';
import type { SigningAlgorithm, SigningKeyRow } from '../store/schema.js';
import { newSigningKey, privateKeyOf, publicKeyOf } from './key-generation.js';

/** As Okta publishes it; all five of its verifiers are content with these members. Public ones only. */
export type PublishedJwk = Readonly<Record<string, string>> & {
  readonly kty: string;
  readonly alg: SigningAlgorithm;
  readonly use: 'sig';
  readonly kid: string;
};

export interface SigningKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly privateKey: KeyObject;
}

export interface VerificationKey {
  readonly algorithm: SigningAlgorithm;
  readonly publicKey: KeyObject;
}

interface Ring {
  readonly current: ReadonlyMap<SigningAlgorithm, SigningKey>;
  readonly published: ReadonlyMap<SigningAlgorithm, readonly PublishedJwk[]>;
  readonly verification: ReadonlyMap<string, VerificationKey>;
}

/** Pause between two reads that unknown keys ask for, in milliseconds. */
const lookAgainMs = 100;

/**
 * The keys of this issuer, per algorithm: one signs, the next one is published before it does, retired ones still
 * verify. All authorization servers with one algorithm share its keys. What other processes change is seen at the next
 * {@link refresh}, and when a token names a key that is not known here.
 */
export class SigningKeyRing {
  readonly #store: Store;
  readonly #peppers: Peppers;
  #ring: Ring = { current: new Map(), published: new Map(), verification: new Map() };
  /** Reads begun so far, and which of them the ring is. */
  #begun = 0;
  #applied = 0;
  /** The next read for the sake of unknown keys, not begun yet. */
  #coming: Promise<void> | undefined;
  #pause: Promise<void> = Promise.resolve();
  readonly #making = new Map<SigningAlgorithm, Promise<void>>();

  private constructor(store: Store, peppers: Peppers) {
    this.#store = store;
    this.#peppers = peppers;
  }

  /**
   * Reads the keys, making the first two for every algorithm that an authorization server signs with.
   *
   * @throws SetupError when they were sealed under a pepper that the settings don't name
   */
  static async open(store: Store, peppers: Peppers): Promise<SigningKeyRing> {
    const ring = new SigningKeyRing(store, peppers);
    await ring.refresh();
    const servers = await store.db
      .selectFrom('authorization_servers')
      .select('signing_algorithm')
      .distinct()
      .execute();
    for (const { signing_algorithm } of servers) await ring.ensure(signing_algorithm);
    return ring;
  }

  /** Sees to it that there are keys for an algorithm: of those who ask at once, one makes them. */
  async ensure(algorithm: SigningAlgorithm): Promise<void> {
    if (this.#ring.current.has(algorithm)) return;
    const making = this.#making.get(algorithm) ?? this.#make(algorithm);
    this.#making.set(algorithm, making);
    await making.finally(() => this.#making.delete(algorithm));
  }

  /** Reads the keys again: another process may have rotated them. */
  async refresh(): Promise<void> {
    const begun = ++this.#begun;
    const rows = await readKeys(this.#store.db);
    // A read that began later has overtaken this one.
    if (begun < this.#applied) return;
    this.#ring = toRing(rows, this.#ring, this.#peppers);
    this.#applied = begun;
  }

  /** The key that signs now. @throws SetupError before `ensure` */
  current(algorithm: SigningAlgorithm): SigningKey {
    const key = this.#ring.current.get(algorithm);
    if (key === undefined) throw new SetupError(`the database holds no current ${algorithm} key`);
    return key;
  }

  /** RFC 7517 section 5: current, next, retired, in this order. */
  published(algorithms: readonly SigningAlgorithm[]): { keys: readonly PublishedJwk[] } {
    return { keys: algorithms.flatMap((algorithm) => this.#ring.published.get(algorithm) ?? []) };
  }

  /** Whether tokens of this key are still good, as far as this process has heard. */
  verifies(kid: string): boolean {
    return this.#ring.verification.has(kid);
  }

  /**
   * The key with this id. One that is not known may have been made by another process just now: those who ask for such
   * keys share a read that begins after they asked, and such reads keep a distance.
   */
  async verificationKey(kid: string): Promise<VerificationKey | undefined> {
    const known = this.#ring.verification.get(kid);
    if (known !== undefined || this.#store.isExclusive) return known;
    await (this.#coming ??= this.#lookAgain());
    return this.#ring.verification.get(kid);
  }

  async #lookAgain(): Promise<void> {
    await this.#pause;
    this.#coming = undefined;
    this.#pause = delay(lookAgainMs, undefined, { ref: false });
    await this.refresh();
  }

  async #make(algorithm: SigningAlgorithm): Promise<void> {
    await this.refresh();
    if (this.#ring.current.has(algorithm)) return;
    await addFirstKeys(this.#store.db, algorithm, this.#peppers);
    await this.refresh();
  }
}

async function addFirstKeys(db: Database, algorithm: SigningAlgorithm, peppers: Peppers): Promise<void> {
  const first = await newSigningKey(algorithm, 'current', peppers);
  const second = await newSigningKey(algorithm, 'next', peppers);
  await db.transaction().execute(async (transaction) => {
    await lockKeys(transaction);
    const existing = await transaction
      .selectFrom('signing_keys')
      .select('kid')
      .where('algorithm', '=', algorithm)
      .where('state', '=', 'current')
      .executeTakeFirst();
    if (existing === undefined)
      await transaction.insertInto('signing_keys').values([first, second]).execute();
  });
}

/** Of several processes, one at a time changes keys. Held until the end of the transaction. */
export async function lockKeys(transaction: Database): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('signing_keys'))`.execute(transaction);
}

const stateOrder = { current: 0, next: 1, retired: 2 } as const;

/** Current, next, retired, in this order. */
export async function readKeys(db: Database): Promise<SigningKeyRow[]> {
  const rows = await db
    .selectFrom('signing_keys')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('kid')
    .execute();
  return rows.toSorted((a, b) => stateOrder[a.state] - stateOrder[b.state]);
}

/** Keys that are known already are not parsed again. */
function toRing(rows: readonly SigningKeyRow[], known: Ring, peppers: Peppers): Ring {
  const signing = rows
    .filter(({ state }) => state === 'current')
    .map((row) => toSigningKey(row, known, peppers));
  return {
    current: new Map(signing.map((key) => [key.algorithm, key])),
    published: Map.groupBy(rows.map(publishedJwk), ({ alg }) => alg),
    verification: new Map(
      rows.map((row) => [
        row.kid,
        known.verification.get(row.kid) ?? { algorithm: row.algorithm, publicKey: publicKeyOf(row) },
      ]),
    ),
  };
}

function toSigningKey(row: SigningKeyRow, known: Ring, peppers: Peppers): SigningKey {
  const { kid, algorithm } = row;
  const same = known.current.get(algorithm);
  return same?.kid === kid ? same : { kid, algorithm, privateKey: privateKeyOf(row, peppers) };
}

function publishedJwk({ kid, algorithm, public_jwk: { kty = '', ...members } }: SigningKeyRow): PublishedJwk {
  return { kty, alg: algorithm, use: 'sig', kid, ...members };
}
