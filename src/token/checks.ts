import { refuse } from '../base/outcome.js';
import type { JsonObject, JsonValue } from '../base/json.js';
import type { Objection } from './refusals.js';

/** What this service expects of a token. */
export interface Expectation {
  /** The exact `iss`. */
  readonly issuer: string;
  /** The `aud`, or one member of it. */
  readonly audience: string;
  /** The `cid`s that may call; `any` lets all in. */
  readonly clients: ReadonlySet<string> | 'any';
}

interface Check {
  readonly name: string;
  /** A pure function of claims, expectation and now (seconds since the epoch). */
  readonly objection: (claims: JsonObject, expected: Expectation, now: number) => Objection;
}

/** How far another machine's clock may be ahead, in seconds. `exp` gets no such leeway. */
export const clockSkewSeconds = 60;

/** RFC 6749 section 3.3: scope-token. */
export const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

const maxTextLength = 1024;

/** Header parameters of an Okta access token. Anything else (jku, x5c, jwk, crit, b64 …) asks to be believed. */
const headerParameters: ReadonlySet<string> = new Set(['alg', 'kid', 'typ']);

/** RFC 9068 section 2.1, and the generic type; Okta itself sends none. */
const accessTokenTypes: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/at+jwt']);

/** RFC 8725 sections 3.1 and 3.11: one algorithm, one kind of token. */
export function headerObjection(header: JsonObject): Objection {
  const stranger = Object.keys(header).find((name) => !headerParameters.has(name));
  if (stranger !== undefined) return refuse('unsupported', 'a header parameter other than alg, kid and typ');
  if (header.alg !== 'RS256') return refuse('unsupported', 'alg is not RS256');
  if (!isText(header.kid)) return refuse('unsupported', 'kid is not a non-empty string');
  if (header.typ !== undefined && !isAccessTokenType(header.typ)) {
    return refuse('unsupported', 'typ is not that of an access token');
  }
  return undefined;
}

/** The checks of a JWT's claims, in order; the first objection ends them. */
export const claimChecks: readonly Check[] = [
  { name: 'iss', objection: (claims, expected) => issuerObjection(claims.iss, expected) },
  { name: 'aud', objection: (claims, expected) => audienceObjection(claims.aud, expected.audience) },
  { name: 'exp', objection: (claims, _, now) => expiryObjection(claims.exp, now) },
  { name: 'iat', objection: (claims, _, now) => issuedAtObjection(claims.iat, now) },
  { name: 'nbf', objection: (claims, _, now) => notBeforeObjection(claims.nbf, now) },
  { name: 'sub', objection: (claims) => textObjection('sub', claims.sub) },
  { name: 'cid', objection: (claims, expected) => clientObjection('cid', claims.cid, expected) },
  { name: 'uid', objection: (claims) => optionalTextObjection('uid', claims.uid) },
  { name: 'jti', objection: (claims) => optionalTextObjection('jti', claims.jti) },
  { name: 'scp', objection: (claims) => scopesObjection(claims.scp) },
  { name: 'claim names', objection: (claims) => claimNamesObjection(claims) },
];

/** Runs {@link claimChecks}. */
export function claimObjection(claims: JsonObject, expected: Expectation, now: number): Objection {
  for (const { objection } of claimChecks) {
    const found = objection(claims, expected, now);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function issuerObjection(iss: JsonValue | undefined, expected: Expectation): Objection {
  if (typeof iss !== 'string') return invalid('iss', 'a string');
  return iss === expected.issuer ? undefined : refuse('wrong_issuer', 'iss is another issuer');
}

/** RFC 7519 section 4.1.3: one of the accepted audiences, or an array of strings that has one of them in it. */
export function audienceObjection(aud: JsonValue | undefined, ...accepted: readonly string[]): Objection {
  const audiences = typeof aud === 'string' ? [aud] : aud;
  if (!isTextArray(audiences)) return invalid('aud', 'a string or an array of strings');
  return accepted.some((audience) => audiences.includes(audience))
    ? undefined
    : refuse('wrong_audience', 'aud is another audience');
}

export function expiryObjection(exp: JsonValue | undefined, now: number): Objection {
  if (typeof exp !== 'number') return invalid('exp', 'a number');
  return exp > now ? undefined : refuse('expired', 'exp has passed');
}

export function issuedAtObjection(iat: JsonValue | undefined, now: number): Objection {
  if (typeof iat !== 'number') return invalid('iat', 'a number');
  return iat <= now + clockSkewSeconds ? undefined : refuse('not_yet_valid', 'iat lies in the future');
}

export function notBeforeObjection(nbf: JsonValue | undefined, now: number): Objection {
  if (nbf === undefined) return undefined;
  if (typeof nbf !== 'number') return invalid('nbf', 'a number');
  return nbf <= now ? undefined : refuse('not_yet_valid', 'nbf lies in the future');
}

export function clientObjection(name: string, cid: JsonValue | undefined, expected: Expectation): Objection {
  if (!isText(cid)) return invalid(name, 'a non-empty string');
  if (expected.clients === 'any' || expected.clients.has(cid)) return undefined;
  return refuse('wrong_client', `${name} is not an allowed client`);
}

export function textObjection(name: string, value: JsonValue | undefined): Objection {
  return isText(value)
    ? undefined
    : invalid(name, `a non-empty string of at most ${maxTextLength} characters`);
}

export function optionalTextObjection(name: string, value: JsonValue | undefined): Objection {
  return value === undefined ? undefined : textObjection(name, value);
}

/** Names of members of an object inside `@okta/jwt-verifier`, which refuses to read claims of the same names. */
export const unreadableClaims = ['constructor', 'toJSON', 'compact'] as const;

/** One refusal that says so, in every mode, instead of a bad signature in some. */
export function claimNamesObjection(claims: JsonObject): Objection {
  return unreadableClaims.some((name) => Object.hasOwn(claims, name))
    ? refuse('invalid_claim', `a claim is named one of ${unreadableClaims.join(', ')}`)
    : undefined;
}

/** Okta writes `scp` as an array. A string would turn membership tests into substring tests. */
export function scopesObjection(scp: JsonValue | undefined): Objection {
  if (scp === undefined) return undefined;
  const isScopes =
    Array.isArray(scp) && scp.every((scope) => typeof scope === 'string' && scopeToken.test(scope));
  return isScopes ? undefined : invalid('scp', 'an array of scope tokens');
}

function isAccessTokenType(typ: JsonValue): boolean {
  return typeof typ === 'string' && accessTokenTypes.has(typ.toLowerCase());
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxTextLength;
}

function isTextArray(value: JsonValue | undefined): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
}

function invalid(claim: string, expected: string): Objection {
  return refuse('invalid_claim', `${claim} is not ${expected}`);
}
