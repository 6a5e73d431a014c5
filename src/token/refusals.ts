import type { Outcome, Refused } from '../base/outcome.js';
import type { VerifiedToken } from './principal.js';

/**
 * Why a token was not accepted. All but the last are the token's fault (401 over HTTP); `unavailable` is Okta's (503).
 */
export const tokenRefusals = [
  'malformed', // not a compact JWS of bounded size with a JSON header and JSON claims
  'unsupported', // a header parameter, algorithm or type that an Okta access token does not have
  'invalid_claim', // a required claim is absent, or a claim has the wrong JSON type
  'expired',
  'not_yet_valid', // nbf or iat lies in the future
  'wrong_issuer',
  'wrong_audience',
  'wrong_client', // cid is not among the allowed clients
  'unknown_key', // the key set has no usable key of that id
  'bad_signature',
  'inactive', // introspection: expired, revoked or never issued there
  'unavailable', // the key set or the introspection endpoint gave no usable answer
] as const;

export type TokenRefusal = (typeof tokenRefusals)[number];

export type TokenOutcome = Outcome<VerifiedToken, TokenRefusal>;

/** What a check returns when it has something against a token; undefined when it has not. */
export type Objection = Refused<TokenRefusal> | undefined;
