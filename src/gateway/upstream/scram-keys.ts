import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { BoundedCache } from '../../base/bounded-cache.js';
import type { Clock } from '../../base/clock.js';
import { preparedPassword } from './saslprep.js';

/** What SCRAM derives from a password (RFC 5802 section 3). Each has 32 bytes and is as secret as the password. */
export interface ScramKeys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** What the keys of one role at one server depend on. */
export interface ScramSecret {
  readonly role: string;
  /** As configured; it is prepared here. */
  readonly password: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

const keysLiveMs = 60 * 60 * 1000;
const pbkdf2OffLoop = promisify(pbkdf2);

/**
 * Derived keys, so that a login costs a few hashes instead of thousands: RFC 5802 section 5.1 allows a client to keep
 * them for as long as salt and iteration count stay the same.
 *
 * Logins that come together wait for one derivation, which runs off the event loop.
 */
export class ScramKeyCache {
  readonly #keys: BoundedCache<Promise<ScramKeys>>;
  readonly #clock: Clock;
  /** Tells one password from the next without keeping either: a changed password never meets the old one's keys. */
  readonly #versionKey = randomBytes(32);

  /** @param maxEntries at least 1; one is needed for each role that is logged in with */
  constructor(maxEntries: number, clock: Clock) {
    this.#keys = new BoundedCache(maxEntries, clock);
    this.#clock = clock;
  }

  /** Derivations that were not needed. */
  get hits(): number {
    return this.#keys.hits;
  }

  keysFor(secret: ScramSecret): Promise<ScramKeys> {
    const { role, salt, iterations } = secret;
    const version = createHmac('sha256', this.#versionKey).update(secret.password).digest('base64');
    // The role comes last: it alone may hold a colon.
    const key = `${iterations}:${salt.toString('base64')}:${version}:${role}`;
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const derived = deriveScramKeys(secret);
    this.#keys.set(key, derived, this.#clock() + keysLiveMs);
    return derived;
  }
}

async function deriveScramKeys({ password, salt, iterations }: ScramSecret): Promise<ScramKeys> {
  const saltedPassword = await pbkdf2OffLoop(preparedPassword(password), salt, iterations, 32, 'sha256');
  const clientKey = hmac(saltedPassword, 'Client Key');
  const storedKey = createHash('sha256').update(clientKey).digest();
  return { clientKey, storedKey, serverKey: hmac(saltedPassword, 'Server Key') };
}

export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
