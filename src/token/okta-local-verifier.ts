import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import OktaJwtVerifier from '@okta/jwt-verifier';
import { errorText } from '../base/error-text.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';
import type { JsonObject } from '../base/json.js';
import type { Clock } from '../base/clock.js';
import { claimObjection, headerObjection } from './checks.js';
import type { Expectation } from './checks.js';
import { readCompactJws } from './compact-jws.js';
import type { RemoteKeySet } from './key-set.js';
import type { TokenRefusal } from './refusals.js';
import type { SigningKey } from './signing-keys.js';

/**
 * Validates Okta access tokens against the issuer's key set.
 *
 * `@okta/jwt-verifier` checks the signature, behind checks of our own that it lacks or gets wrong: the strict
 * pre-parse (crafted tokens end the process inside it), required claims (it accepts a token without `exp`), the client
 * (it never asserts `cid`). It is given one key at a time and never fetches.
 */
export class OktaLocalVerifier {
  readonly #expected: Expectation;
  readonly #keySet: RemoteKeySet;
  readonly #clock: Clock;
  /**
   * One for each key, living as long as the key. By key and not by kid: a kid may get another key while a token that
   * names it is being verified. The library caches three keys at most; one verifier a key always hits its cache.
   */
  readonly #verifiers = new WeakMap<SigningKey, OktaJwtVerifier>();

  constructor(expected: Expectation, keySet: RemoteKeySet, clock: Clock) {
    this.#expected = expected;
    this.#keySet = keySet;
    this.#clock = clock;
  }

  /** The claims of a valid token. Cheap checks come first, so that garbage costs neither a fetch nor a signature. */
  async verify(token: string): Promise<Outcome<JsonObject, TokenRefusal>> {
    const read = readCompactJws(token);
    if (!read.ok) return read;
    const { header, claims } = read.value;
    const objection = headerObjection(header) ?? claimObjection(claims, this.#expected, this.#clock() / 1000);
    if (objection !== undefined) return objection;
    const key = await this.#key(header.kid as string);
    return key.ok ? this.#verifySignature(token, key.value, claims) : key;
  }

  #key(kid: string): Outcome<SigningKey, TokenRefusal> | Promise<Outcome<SigningKey, TokenRefusal>> {
    const key = this.#keySet.find(kid);
    return key === undefined ? this.#keySet.resolve(kid) : accept(key);
  }

  async #verifySignature(
    token: string,
    key: SigningKey,
    claims: JsonObject,
  ): Promise<Outcome<JsonObject, TokenRefusal>> {
    try {
      await this.#verifierFor(key).verifyAccessToken(token, this.#expected.audience);
      return accept(claims);
    } catch (error) {
      return refusalOf(errorText(error));
    }
  }

  #verifierFor(key: SigningKey): OktaJwtVerifier {
    const existing = this.#verifiers.get(key);
    if (existing !== undefined) return existing;
    const created = createVerifier(this.#expected.issuer, key);
    this.#verifiers.set(key, created);
    return created;
  }
}

/** Where the library looks keys up; a member that its types don't show. */
interface KeyLookup {
  jwksClient: {
    getSigningKey(kid: string, done: (error: null, key: { readonly publicKey: KeyObject }) => void): void;
  };
}

/**
 * A verifier that knows one key.
 *
 * The key is handed over in the documented way, and again, parsed, in place of the library's own look-up: that one
 * writes the key out as PEM for each token, and the signature check parses it again, together 40 µs of 80.
 */
function createVerifier(issuer: string, key: SigningKey): OktaJwtVerifier {
  const verifier = new OktaJwtVerifier({
    issuer,
    // The settings allow plain http on loopback only.
    testing: { disableHttpsCheck: issuer.startsWith('http:') },
    // Where it would look if the key it is given failed it: nowhere.
    jwksUri: 'about:blank',
    getKeysInterceptor: () => Promise.resolve([{ ...key.jwk, alg: 'RS256', use: 'sig' }]),
    // A verifier lives as long as its key is in force; the library's own limits on fetches have nothing to limit.
    cacheMaxAge: 24 * 3_600_000,
    jwksRequestsPerMinute: Number.MAX_SAFE_INTEGER,
  });
  const publicKey = createPublicKey({ key: { ...key.jwk }, format: 'jwk' });
  const lookup = verifier as unknown as KeyLookup;
  lookup.jwksClient = {
    getSigningKey: (_, done) => {
      done(null, { publicKey });
    },
  };
  return verifier;
}

/** The library tells its refusals by message only (contracts: "Signature verification failed", "Jwt is expired"). */
function refusalOf(message: string): Outcome<never, TokenRefusal> {
  if (/expired/i.test(message)) return refuse('expired', 'exp has passed');
  if (/not active/i.test(message)) return refuse('not_yet_valid', 'nbf lies in the future');
  return refuse('bad_signature', 'the signature does not verify');
}
