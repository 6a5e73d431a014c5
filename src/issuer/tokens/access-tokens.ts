import { hash, randomBytes } from 'node:crypto';
import { compactVerify } from 'jose';
import { BoundedCache } from '../../base/bounded-cache.js';
import type { Clock } from '../../base/clock.js';
import { readCompactJws } from '../../token/compact-jws.js';
import type { AuthorizationServer } from '../authorization-server.js';
import type { SigningKeyRing } from '../keys/signing-key-ring.js';
import type { SigningAlgorithm } from '../store/schema.js';
import type { IssuedTokens } from './issued-tokens.js';
import { signJwt } from './jwt-signer.js';

/** Claims of an access token, in Okta's names. */
export interface AccessTokenClaims {
  readonly ver: 1;
  readonly jti: string;
  readonly iss: string;
  readonly aud: string;
  /** Seconds since the epoch, as `exp` and `auth_time`. */
  readonly iat: number;
  readonly exp: number;
  /** The client that it was issued to. */
  readonly cid: string;
  readonly scp: readonly string[];
  /** The login of the user; the client itself where there is none. */
  readonly sub: string;
  /** Of users' tokens only. */
  readonly uid?: string;
  readonly auth_time?: number;
}

/** The person for whom a token is. */
interface TokenUser {
  readonly id: string;
  readonly login: string;
  /** When the person signed in, in seconds since the epoch. */
  readonly authTime: number;
}

export interface NewAccessToken {
  readonly server: AuthorizationServer;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** Absent for a program's own token. */
  readonly user?: TokenUser;
  /** Of the refresh tokens that it comes with. */
  readonly familyId?: string;
  /** Where another is asked for than the server's own. */
  readonly algorithm?: SigningAlgorithm;
  readonly seconds?: number;
}

const maxKnownTokens = 10_000;

/** Makes access tokens, and reads those that were made here. */
export class AccessTokens {
  readonly #keys: SigningKeyRing;
  readonly #issued: IssuedTokens;
  readonly #clock: Clock;
  /** Claims by hash of the token: a signature that was right once stays right while its key is there. */
  readonly #verified: BoundedCache<{ readonly kid: string; readonly claims: AccessTokenClaims }>;

  constructor(keys: SigningKeyRing, issued: IssuedTokens, clock: Clock) {
    this.#keys = keys;
    this.#issued = issued;
    this.#clock = clock;
    this.#verified = new BoundedCache(maxKnownTokens, clock);
  }

  /** Signs a token and notes that it was issued. */
  async issue(
    wanted: NewAccessToken,
  ): Promise<{ readonly token: string; readonly claims: AccessTokenClaims }> {
    const { server, user, algorithm = server.signingAlgorithm } = wanted;
    const claims = this.#claimsOf(wanted);
    const [token] = await Promise.all([
      signJwt(this.#keys, algorithm, claims),
      this.#issued.add({
        jti: claims.jti,
        client_id: wanted.clientId,
        user_id: user?.id ?? null,
        family_id: wanted.familyId ?? null,
        expires_at: new Date(claims.exp * 1000),
      }),
    ]);
    return { token, claims };
  }

  /** The claims, when this server signed the token and its time is not over; whether it is live is not seen here. */
  async read(token: string, server: AuthorizationServer): Promise<AccessTokenClaims | undefined> {
    const claims = await this.#signedClaims(token);
    return claims?.iss === server.issuer && claims.exp * 1000 > this.#clock() ? claims : undefined;
  }

  /** The claims, whichever server of this issuer signed the token. */
  async readAny(token: string): Promise<AccessTokenClaims | undefined> {
    const claims = await this.#signedClaims(token);
    return claims !== undefined && claims.exp * 1000 > this.#clock() ? claims : undefined;
  }

  async #signedClaims(token: string): Promise<AccessTokenClaims | undefined> {
    const tokenHash = hash('sha256', token, 'base64url');
    const known = this.#verified.get(tokenHash);
    if (known !== undefined && this.#keys.verifies(known.kid)) return known.claims;
    const jws = readCompactJws(token);
    const kid = jws.ok ? jws.value.header.kid : undefined;
    if (!jws.ok || typeof kid !== 'string' || !(await this.#isSignedBy(kid, token))) return undefined;
    // Signed here, so of a shape that was given here. ID tokens are signed here too.
    const claims = jws.value.claims as unknown as AccessTokenClaims;
    if (!claims.jti.startsWith('AT.')) return undefined;
    this.#verified.set(tokenHash, { kid, claims }, claims.exp * 1000);
    return claims;
  }

  async #isSignedBy(kid: string, token: string): Promise<boolean> {
    const key = await this.#keys.verificationKey(kid);
    return key !== undefined && isSignedBy(key.publicKey, key.algorithm, token);
  }

  #claimsOf({
    server,
    clientId,
    scopes,
    user,
    seconds = server.accessTokenSeconds,
  }: NewAccessToken): AccessTokenClaims {
    const iat = Math.floor(this.#clock() / 1000);
    return {
      ver: 1,
      jti: `AT.${randomBytes(32).toString('base64url')}`,
      iss: server.issuer,
      aud: server.audience,
      iat,
      exp: iat + seconds,
      cid: clientId,
      ...(user && { uid: user.id }),
      scp: scopes,
      ...(user && { auth_time: user.authTime }),
      sub: user?.login ?? clientId,
    };
  }
}

/** Whether the token carries this key's signature, made with this very algorithm. */
export async function isSignedBy(
  key: Parameters<typeof compactVerify>[1],
  algorithm: string,
  token: string,
): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] });
    return true;
  } catch {
    return false;
  }
}
