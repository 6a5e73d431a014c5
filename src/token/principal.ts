import type { JsonObject } from '../base/json.js';

/** How the API was told to validate tokens (setting OKTA_VALIDATION). */
export const validationModes = ['local', 'remote', 'both'] as const;

export type ValidationMode = (typeof validationModes)[number];

/** Who calls: the verified claims, under the same names whichever way the token was validated. */
export interface Principal {
  readonly sub: string;
  /** The client that the token was issued to: `cid` in an Okta access token, `client_id` in an introspection answer. */
  readonly cid: string;
  /** The user's id; null for client credentials. */
  readonly uid: string | null;
  readonly scopes: readonly string[];
  /** Custom claims only: whatever is neither a registered claim nor one of Okta's own. */
  readonly claims: JsonObject;
  readonly validation: ValidationMode;
}

/** A token that passed every check, with what later steps need of it. */
export interface VerifiedToken {
  readonly principal: Principal;
  /** The token as it was sent, for `input.jwt.tokenValue`. Secret: never logged. */
  readonly tokenValue: string;
  /** SHA-256 of the token, base64url: a name for it in caches and, shortened, in logs. */
  readonly tokenHash: string;
  /** The `jti` claim; null when the token carries none. */
  readonly jti: string | null;
  /** The `exp` claim, in seconds since the epoch. */
  readonly expiresAt: number;
}
