import type { JsonObject } from '../../base/json.js';
import { readCompactJws } from '../../token/compact-jws.js';
import type { Store } from '../store/open-store.js';
import type { PublicJwks } from '../store/schema.js';
import { isSignedBy } from '../tokens/access-tokens.js';
import { AssertionKeys } from './assertion-keys.js';

/** RFC 7523 section 2.2. */
export const jwtBearerType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** A client's statement about itself that was read, not yet believed. */
export interface ClientAssertion {
  /** As received. */
  readonly jwt: string;
  readonly header: JsonObject;
  readonly clientId: string;
  readonly jti: string;
  /** Seconds since the epoch. */
  readonly exp: number;
}

/** How far the clocks of clients may be off, in seconds. */
const maxSkewSeconds = 60;
/** As at Okta. Ids of assertions are kept for so long. */
const maxLifeSeconds = 3600;
/** Ids are kept in an index, whose entries are bounded. */
const maxIdLength = 255;

export interface AssertionExpectations {
  /** Exact; the assertion may name several, all of them out of these. */
  readonly audiences: readonly string[];
  /** Seconds since the epoch. */
  readonly now: number;
}

/**
 * What an assertion claims (RFC 7523 section 3), or undefined when it is malformed or breaks a rule that needs no key:
 * `iss` = `sub`, `aud` this endpoint or issuer and nothing else, `exp` at most an hour ahead, `iat` and `nbf` not in the
 * future, a `jti`.
 */
export function readClientAssertion(
  jwt: string,
  expected: AssertionExpectations,
): ClientAssertion | undefined {
  const jws = readCompactJws(jwt);
  if (!jws.ok) return undefined;
  const { header, claims } = jws.value;
  const { iss, sub, aud, exp, jti } = claims;
  if (!isId(sub) || iss !== sub || !isId(jti)) return undefined;
  if (!isFor(aud, expected.audiences) || typeof exp !== 'number') return undefined;
  return isTimely(exp, claims, expected.now) ? { jwt, header, clientId: sub, jti, exp } : undefined;
}

/** No database takes a NUL. */
function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxIdLength && !value.includes('\0');
}

/** An assertion that also names somebody else could be presented there, and here by whoever received it there. */
function isFor(aud: unknown, audiences: readonly string[]): boolean {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return named.length > 0 && named.every((name) => typeof name === 'string' && audiences.includes(name));
}

function isTimely(exp: number, { iat, nbf }: JsonObject, now: number): boolean {
  const isPast = (time: unknown): boolean =>
    time === undefined || (typeof time === 'number' && time <= now + maxSkewSeconds);
  return (
    exp > now - maxSkewSeconds &&
    exp <= now + maxLifeSeconds + maxSkewSeconds &&
    isPast(iat) &&
    isPast(nbf) &&
    (typeof iat !== 'number' || exp - iat <= maxLifeSeconds)
  );
}

/** Where an assertion can be meant for: the endpoint itself, to the letter, or the issuer that it belongs to. */
export function audiencesAt(path: string, baseUrl: string): string[] {
  const server = /^\/oauth2\/(?!v1\/)[^/]+(?=\/)/.exec(path)?.[0] ?? '';
  return [`${baseUrl}${path}`, `${baseUrl}${server}`];
}

/** Believes assertions, each once. */
export class ClientAssertions {
  readonly #store: Store;
  readonly #keys = new AssertionKeys();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Whether one of the client's keys signed the assertion. Pass undefined where there is no such client, or it has no
   * keys: that takes as long as a wrong signature.
   */
  async isSigned({ jwt, header }: ClientAssertion, jwks: PublicJwks | undefined): Promise<boolean> {
    for (const { key, algorithm, isDecoy } of this.#keys.for(header, jwks)) {
      if ((await isSignedBy(key, algorithm, jwt)) && !isDecoy) return true;
    }
    return false;
  }

  /** Notes the use of an assertion, for all processes that share the database. False where it is not the first. @throws StorageError */
  async use({ clientId, jti, exp }: ClientAssertion): Promise<boolean> {
    // The skew twice: the process that sweeps may be as far ahead as the client was behind.
    const expiresAt = new Date((exp + 2 * maxSkewSeconds) * 1000);
    const { numInsertedOrUpdatedRows } = await this.#store.db
      .insertInto('used_assertions')
      .values({ client_id: clientId, jti, expires_at: expiresAt })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return numInsertedOrUpdatedRows === 1n;
  }
}
