import { createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint } from 'jose';
import { sql } from 'kysely';
import { SetupError } from '../../base/setup-error.js';
import type { Peppers } from '../peppers.js';
import type { Database } from '../store/open-store.js';
import type { KeyState, NewSigningKey, SigningKeyRow } from '../store/schema.js';
import { seal, unseal } from './key-sealing.js';

/** As Okta publishes it; all five of its verifiers are content with these members. */
export interface PublishedJwk {
  readonly kty: string;
  readonly alg: 'RS256';
  readonly use: 'sig';
  readonly kid: string;
  readonly n: string;
  readonly e: string;
}

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

const generate = promisify(generateKeyPair);
const modulusLength = 2048;

/** The keys of this issuer: one signs, the next one is published before it does, retired ones still verify. */
export class SigningKeyRing {
  /** Signs what is issued now. */
  readonly current: SigningKey;
  readonly #published: readonly PublishedJwk[];
  readonly #publicKeys: ReadonlyMap<string, KeyObject>;

  private constructor(rows: readonly SigningKeyRow[], peppers: Peppers) {
    const current = rows.find(({ state }) => state === 'current');
    if (current === undefined) throw new SetupError('the database holds no current signing key');
    this.current = { kid: current.kid, privateKey: privateKeyOf(current, peppers) };
    this.#published = rows.map(publishedJwk);
    this.#publicKeys = new Map(rows.map((row) => [row.kid, publicKeyOf(row)]));
  }

  /**
   * Reads the keys, making the first two at the first start.
   *
   * @throws SetupError when they were sealed under a pepper that the settings don't name
   */
  static async open(db: Database, peppers: Peppers): Promise<SigningKeyRing> {
    const stored = await readKeys(db);
    if (stored.length > 0) return new SigningKeyRing(stored, peppers);
    const [first, second] = await Promise.all([newKey('current', peppers), newKey('next', peppers)]);
    await db.transaction().execute(async (transaction) => {
      // Of several processes that start on an empty database, one makes the keys.
      await sql`select pg_advisory_xact_lock(hashtext('signing_keys'))`.execute(transaction);
      if ((await readKeys(transaction)).length > 0) return;
      await transaction.insertInto('signing_keys').values([first, second]).execute();
    });
    return new SigningKeyRing(await readKeys(db), peppers);
  }

  /** RFC 7517 section 5. */
  published(): { keys: readonly PublishedJwk[] } {
    return { keys: this.#published };
  }

  publicKey(kid: string): KeyObject | undefined {
    return this.#publicKeys.get(kid);
  }
}

function readKeys(db: Database): Promise<SigningKeyRow[]> {
  return db.selectFrom('signing_keys').selectAll().orderBy('created_at').orderBy('kid').execute();
}

async function newKey(state: KeyState, peppers: Peppers): Promise<NewSigningKey> {
  const { publicKey, privateKey } = await generate('rsa', { modulusLength });
  const { kty = '', n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const kid = await calculateJwkThumbprint({ kty, n, e });
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  return {
    kid,
    state,
    algorithm: 'RS256',
    public_jwk: { kty, n, e },
    sealed_private_key: seal(pkcs8, kid, peppers.current),
    pepper_id: peppers.current.id,
  };
}

function privateKeyOf(row: SigningKeyRow, peppers: Peppers): KeyObject {
  const pepper = peppers.find(row.pepper_id);
  if (pepper === undefined)
    throw new SetupError(
      'the signing key is sealed under another ISSUER_PEPPER; add the old one behind the new one',
    );
  const key = unseal(row.sealed_private_key, row.kid, pepper);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function publicKeyOf({ public_jwk: { kty, n, e } }: SigningKeyRow): KeyObject {
  return createPublicKey({ key: { kty, n, e }, format: 'jwk' });
}

function publishedJwk({ kid, algorithm, public_jwk: { kty, n, e } }: SigningKeyRow): PublishedJwk {
  return { kty, alg: algorithm, use: 'sig', kid, n, e };
}
