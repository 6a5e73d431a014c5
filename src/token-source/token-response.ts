import { isJsonObject, parseJson } from '../base/json.js';
import type { JsonObject, JsonValue } from '../base/json.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';
import type { UpstreamAnswer } from '../base/upstream.js';
import type { TokenErrorCode } from './token-source-error.js';

/** What the token endpoint gave. */
export interface IssuedToken {
  readonly token: string;
  /** In milliseconds since the epoch; undefined when the server doesn't tell. */
  readonly expiresAt: number | undefined;
  /** In milliseconds, from the request on; undefined with expiresAt. */
  readonly lifeMs: number | undefined;
}

export interface TokenResponse {
  /** A refresh token may be good although what came with it is not, and the one before it may be over. */
  readonly issued: Outcome<IssuedToken, 'bad_response'>;
  readonly refreshToken: string | undefined;
}

/** RFC 6749 section 5.2. */
const errorCodes: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
] satisfies TokenErrorCode[]);

/** What fits into a header as it is; no token has anything else in it. */
const visible = /^[\x21-\x7e]+$/;

/**
 * Reads the answer of a token endpoint (RFC 6749 sections 5.1 and 5.2).
 *
 * @param kind which of its tokens is wanted
 * @param requestedAt when it was asked: lives are counted from then on, so that none is taken for longer than it is
 */
export function readTokenResponse(
  { status, text }: UpstreamAnswer,
  kind: 'access_token' | 'id_token',
  requestedAt: number,
): Outcome<TokenResponse, TokenErrorCode> {
  const members = parseJson(text);
  if (status !== 200) return refusalOf(status, members);
  if (!isJsonObject(members)) return bad('the answer is no JSON object');
  const { token_type: type, refresh_token: refreshToken } = members;
  // RFC 6749 section 7.1: a client must not use a token of a type that it doesn't understand, such as DPoP.
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') return bad('token_type is not Bearer');
  if (refreshToken !== undefined && !isToken(refreshToken)) return bad('refresh_token is no token');
  return accept({ issued: issuedToken(members, kind, requestedAt), refreshToken });
}

function issuedToken(
  members: JsonObject,
  kind: 'access_token' | 'id_token',
  requestedAt: number,
): TokenResponse['issued'] {
  const token = members[kind];
  if (!isToken(token)) return bad(`there is no ${kind} in the answer`);
  const expiry = expiryOf(members, kind === 'id_token' ? token : undefined, requestedAt);
  return expiry.ok ? accept({ token, ...expiry.value }) : expiry;
}

/** The server's own text is left out: some servers repeat in it what they were sent. */
function refusalOf(status: number, members: unknown): Refused<TokenErrorCode> {
  const error = isJsonObject(members) ? members.error : undefined;
  if (typeof error !== 'string') return bad(`the server answered ${status} and no OAuth error`);
  if (errorCodes.has(error)) return refuse(error as TokenErrorCode, `the server answered ${error}`);
  return refuse('refused', `the server answered ${status} and an error of its own`);
}

type Expiry = Pick<IssuedToken, 'expiresAt' | 'lifeMs'>;

/** The earlier one of what `expires_in` says and, of an ID token, its `exp`. */
function expiryOf(
  { expires_in: expiresIn }: JsonObject,
  idToken: string | undefined,
  requestedAt: number,
): Outcome<Expiry, 'bad_response'> {
  if (expiresIn !== undefined && !isPositive(expiresIn)) return bad('expires_in is no number above 0');
  const byAnswer = expiresIn === undefined ? Infinity : expiresIn * 1000;
  const byToken = idToken === undefined ? Infinity : idTokenLife(idToken, requestedAt);
  if (byToken === undefined) return bad('the ID token has no exp');
  const lifeMs = Math.min(byAnswer, byToken);
  if (lifeMs <= 0) return bad('the token has expired already');
  if (lifeMs === Infinity) return accept({ expiresAt: undefined, lifeMs: undefined });
  return accept({ expiresAt: requestedAt + lifeMs, lifeMs });
}

/**
 * Its signature is not looked at: the token came from the issuer itself (OpenID Connect Core section 3.1.3.7, rule 6),
 * and who receives it from us verifies it.
 */
function idTokenLife(idToken: string, requestedAt: number): number | undefined {
  const payload = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString('utf8');
  const claims = parseJson(payload);
  return isJsonObject(claims) && isPositive(claims.exp) ? claims.exp * 1000 - requestedAt : undefined;
}

function isPositive(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function isToken(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && visible.test(value);
}

function bad(reason: string): Refused<'bad_response'> {
  return refuse('bad_response', reason);
}
