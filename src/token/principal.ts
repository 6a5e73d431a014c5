import type { JsonObject } from '../base/json.js';

/** How the API was told to validate tokens (setting OKTA_VALIDATION). */
export type ValidationMode = 'local' | 'remote' | 'both';

/** Who calls: the verified claims, under the same names whichever way the token was validated. */
export interface Principal {
  readonly sub: string;
  /**
   * The client that the token was issued to: `cid` in an Okta access token, `client_id` in an introspection answer.
   * Null when such an answer names none.
   */
  readonly cid: string | null;
  /** The user's id; null for client credentials. */
  readonly uid: string | null;
  readonly scopes: readonly string[];
  /** Custom claims only: whatever is neither a registered claim nor one of Okta's own. */
  readonly claims: JsonObject;
  readonly validation: ValidationMode;
}

/** What is known of a token that passed every check. Not the token itself: caches hold many of these. */
export interface VerifiedToken {
  readonly principal: Principal;
  /** SHA-256 of the token, base64url: a name for it in caches and, shortened, in logs. */
  readonly tokenHash: string;
  /** The `jti` claim; null when the token carries none. */
  readonly jti: string | null;
  /** The `exp` claim, in seconds since the epoch. */
  readonly expiresAt: number;
}

/** Claims with a meaning of their own in an access token or an introspection answer: none of them is custom. */
const reservedClaims: ReadonlySet<string> = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'], // RFC 7519 section 4.1
  ...['ver', 'cid', 'uid', 'scp', 'auth_time'], // Okta access tokens
  ...['active', 'scope', 'client_id', 'username', 'token_type', 'device_id'], // RFC 7662 section 2.2, Okta's answers
]);

/** The principal of a verified access token. Expects claims that passed the checks of checks.ts. */
export function principalOfToken(claims: JsonObject, validation: ValidationMode): Principal {
  return {
    sub: claims.sub as string,
    cid: (claims.cid as string | undefined) ?? null,
    uid: (claims.uid as string | undefined) ?? null,
    scopes: (claims.scp as readonly string[] | undefined) ?? [],
    claims: customClaims(claims),
    validation,
  };
}

/** The principal of an active introspection answer: the same names, from other members. */
export function principalOfIntrospection(answer: JsonObject, validation: ValidationMode): Principal {
  return {
    sub: answer.sub as string,
    cid: (answer.client_id as string | undefined) ?? null,
    uid: (answer.uid as string | undefined) ?? null,
    scopes: ((answer.scope as string | undefined) ?? '').split(' ').filter((scope) => scope !== ''),
    claims: customClaims(answer),
    validation,
  };
}

function customClaims(claims: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !reservedClaims.has(name)));
}
