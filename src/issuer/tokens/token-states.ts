import type { Clock } from '../../base/clock.js';
import type { AuthorizationServer } from '../authorization-server.js';
import type { Users } from '../users/users.js';
import type { AccessTokenClaims, AccessTokens } from './access-tokens.js';
import type { IdTokens } from './id-tokens.js';
import type { IssuedTokens } from './issued-tokens.js';
import type { RefreshTokens } from './refresh-tokens.js';

/** What is told of an active token (RFC 7662 section 2.2), in the members that Okta gives. */
export interface ActiveToken {
  readonly active: true;
  /** Space-delimited, where the token has an array. */
  readonly scope?: string;
  readonly username?: string;
  readonly exp: number;
  readonly iat: number;
  readonly sub: string;
  readonly aud: string;
  readonly iss: string;
  readonly jti?: string;
  readonly token_type?: 'Bearer';
  readonly client_id: string;
  readonly uid?: string;
}

export interface TokenStatesParts {
  readonly accessTokens: AccessTokens;
  readonly idTokens: IdTokens;
  readonly refreshTokens: RefreshTokens;
  readonly issued: IssuedTokens;
  readonly users: Users;
  readonly clock: Clock;
}

/** Answers what a token is worth now, whichever kind of token it is: its form tells, a hint is not needed. */
export class TokenStates {
  readonly #parts: TokenStatesParts;

  constructor(parts: TokenStatesParts) {
    this.#parts = parts;
  }

  /** Undefined where the token is not good: expired, revoked, malformed, from elsewhere. */
  async activeToken(token: string, server: AuthorizationServer): Promise<ActiveToken | undefined> {
    const { accessTokens, issued } = this.#parts;
    if (!token.includes('.')) return this.#refreshToken(token, server);
    const claims = await accessTokens.read(token, server);
    if (claims === undefined) return this.#idToken(token, server);
    return (await issued.isLive(claims.jti)) ? ofAccessToken(claims) : undefined;
  }

  async #refreshToken(token: string, server: AuthorizationServer): Promise<ActiveToken | undefined> {
    const found = await this.#parts.refreshTokens.find(token, server);
    const user = found && (await this.#parts.users.find(found.userId));
    if (found === undefined || user === undefined) return undefined;
    return {
      active: true,
      scope: found.scopes.join(' '),
      username: user.login,
      exp: found.expiresAt,
      iat: found.issuedAt,
      sub: user.login,
      aud: server.audience,
      iss: server.issuer,
      client_id: found.clientId,
      uid: user.id,
    };
  }

  async #idToken(token: string, server: AuthorizationServer): Promise<ActiveToken | undefined> {
    const claims = await this.#parts.idTokens.read(token, server);
    if (claims === undefined || claims.exp * 1000 <= this.#parts.clock()) return undefined;
    const user = await this.#parts.users.find(claims.sub);
    if (user === undefined) return undefined;
    const { exp, iat, sub, aud, iss, jti } = claims;
    return { active: true, username: user.login, exp, iat, sub, aud, iss, jti, client_id: aud, uid: user.id };
  }
}

function ofAccessToken(claims: AccessTokenClaims): ActiveToken {
  const { scp, exp, iat, sub, aud, iss, jti, cid, uid } = claims;
  return {
    active: true,
    scope: scp.join(' '),
    ...(uid === undefined ? {} : { username: sub }),
    exp,
    iat,
    sub,
    aud,
    iss,
    jti,
    token_type: 'Bearer',
    client_id: cid,
    ...(uid === undefined ? {} : { uid }),
  };
}
