import { isJsonObject, parseJson } from '../base/json.js';
import type { JsonObject, JsonValue } from '../base/json.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';
import type { UpstreamAnswer } from '../base/upstream.js';
import type { Moment } from './timing.js';
import type { TokenErrorCode } from './token-source-error.js';

/** What the token endpoint gave. */
export interface IssuedToken {
  readonly token: string;
  /** Lives are counted from then on, so that none is taken for longer than it is. */
  readonly requestedAt: Moment;
  /** In milliseconds; undefined when the server doesn't tell. */
  readonly lifeMs: number | undefined;
}

export interface TokenResponse {
  /** A refresh token may be good although what came with it is not, and the one before it may be over. */
  readonly issued: Outcome<IssuedToken, 'bad_response'>;
  readonly refreshToken: string | undefined;
}

/** The request that an answer is to. */
export interface SentRequest {
  readonly at: Moment;
  readonly ageMs: number;
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
 * @param request when it was sent, and how many milliseconds ago that is
 */
export function readTokenResponse(
  { status, text }: UpstreamAnswer,
  kind: 'access_token' | 'id_token',
  request: SentRequest,
): Outcome<TokenResponse, TokenErrorCode> {
  const members = parseJson(text);
  if (status !== 200) return refusalOf(status, members);
  if (!isJsonObject(members)) return bad('the answer is no JSON object');
  const { token_type: type, refresh_token: refreshToken } = members;
  // RFC 6749 section 7.1: a client must not use a token of a type that it doesn't understand, such as DPoP.
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') return bad('token_type is not Bearer');
  if (refreshToken !== undefined && !isToken(refreshToken)) return bad('refresh_token is no token');
  return accept({ issued: issuedToken(members, kind, request), refreshToken });
}

function issuedToken(
  members: JsonObject,
  kind: 'access_token' | 'id_token',
  { at, ageMs }: SentRequest,
): TokenResponse['issued'] {
  const token = members[kind];
  if (!isToken(token)) return bad(`there is no ${kind} in the answer`);
  const life = lifeOf(members, kind === 'id_token' ? token : undefined, at);
  if (!life.ok) return life;
  // The answer may have taken longer than the token lives.
  if (life.value <= ageMs) return bad('the token has expired already');
  return accept({ token, requestedAt: at, lifeMs: life.value === Infinity ? undefined : life.value });
}

/** The server's own text is left out: some servers repeat in it what they were sent. */
function refusalOf(status: number, members: unknown): Refused<TokenErrorCode> {
  const error = isJsonObject(members) ? members.error : undefined;
  if (typeof error !== 'string') return bad(`the server answered ${status} and no OAuth error`);
  if (errorCodes.has(error)) return refuse(error as TokenErrorCode, `the server answered ${error}`);
  return refuse('refused', `the server answered ${status} and an error of its own`);
}

/** The shortest of what `expires_in` says and, of an ID token, its claims; Infinity when nothing says it. */
function lifeOf(
  { expires_in: expiresIn }: JsonObject,
  idToken: string | undefined,
  requestedAt: Moment,
): Outcome<number, 'bad_response'> {
  if (expiresIn !== undefined && !isPositive(expiresIn)) return bad('expires_in is no number above 0');
  const byAnswer = expiresIn === undefined ? Infinity : expiresIn * 1000;
  const byToken = idToken === undefined ? Infinity : idTokenLife(idToken, requestedAt);
  return byToken === undefined ? bad('the ID token has no exp') : accept(Math.min(byAnswer, byToken));
}

/**
 * By this machine's clock, and by that of the server where this one is late.
 *
 * Its signature is not looked at: the token came from the issuer itself (OpenID Connect Core section 3.1.3.7, rule 6),
 * and who receives it from us verifies it.
 */
function idTokenLife(idToken: string, requestedAt: Moment): number | undefined {
  const payload = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString('utf8');
  const claims = parseJson(payload);
  if (!isJsonObject(claims) || !isPositive(claims.exp)) return undefined;
  const { exp, iat } = claims;
  return Math.min(exp * 1000 - requestedAt.wall, isPositive(iat) ? (exp - iat) * 1000 : Infinity);
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
