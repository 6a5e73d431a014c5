import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { readCompactJws } from '../../token/compact-jws.js';
import type { AuthorizationServer } from '../authorization-server.js';
import type { SigningKeyRing } from '../keys/signing-key-ring.js';
import type { SigningAlgorithm } from '../store/schema.js';
import type { User } from '../users/users.js';
import { isSignedBy } from './access-tokens.js';
import { signJwt } from './jwt-signer.js';

/** Claims of an ID token (OpenID Connect Core section 2), in Okta's names. */
export interface IdTokenClaims {
  readonly sub: string;
  readonly ver: 1;
  readonly iss: string;
  /** The client. */
  readonly aud: string;
  /** Seconds since the epoch, as `exp` and `auth_time`. */
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
  readonly amr: readonly ['pwd'];
  readonly idp: string;
  readonly nonce?: string;
  readonly auth_time: number;
  readonly at_hash: string;
  readonly name?: string;
  readonly preferred_username?: string;
  readonly email?: string;
  readonly email_verified?: boolean;
}

export interface NewIdToken {
  readonly server: AuthorizationServer;
  readonly clientId: string;
  readonly user: User;
  readonly scopes: readonly string[];
  /** When the person signed in, in seconds since the epoch. */
  readonly authTime: number;
  readonly nonce?: string | undefined;
  readonly accessToken: string;
}

/** Who signs people in: this issuer itself. Okta gives the id of its organisation. */
const identityProvider = '00o00000000000000000';

/** The hash behind `at_hash` is that of the signature (OpenID Connect Core section 3.1.3.6); Ed25519's is SHA-512. */
const hashOf: Readonly<Record<SigningAlgorithm, 'sha256' | 'sha512'>> = {
  RS256: 'sha256',
  ES256: 'sha256',
  RS512: 'sha512',
  EdDSA: 'sha512',
};

/** Makes ID tokens, and reads those that were made here. */
export class IdTokens {
  readonly #keys: SigningKeyRing;
  readonly #clock: Clock;

  constructor(keys: SigningKeyRing, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  issue(wanted: NewIdToken): Promise<string> {
    const { signingAlgorithm } = wanted.server;
    return signJwt(this.#keys, signingAlgorithm, this.#claimsOf(wanted));
  }

  /** The claims, when this server signed the token, whether or not its time is over. */
  async read(token: string, server: AuthorizationServer): Promise<IdTokenClaims | undefined> {
    const jws = readCompactJws(token);
    const kid = jws.ok ? jws.value.header.kid : undefined;
    if (!jws.ok || typeof kid !== 'string') return undefined;
    const key = await this.#keys.verificationKey(kid);
    if (key === undefined || !(await isSignedBy(key.publicKey, key.algorithm, token))) return undefined;
    // Signed here, so of a shape that was given here. Access tokens are signed here too.
    const claims = jws.value.claims as unknown as IdTokenClaims;
    return claims.iss === server.issuer && claims.jti.startsWith('ID.') ? claims : undefined;
  }

  #claimsOf({ server, clientId, user, scopes, authTime, nonce, accessToken }: NewIdToken): IdTokenClaims {
    const iat = Math.floor(this.#clock() / 1000);
    return {
      sub: user.id,
      ...profileClaims(user, scopes),
      ver: 1,
      iss: server.issuer,
      aud: clientId,
      iat,
      exp: iat + server.idTokenSeconds,
      jti: `ID.${randomBytes(32).toString('base64url')}`,
      amr: ['pwd'],
      idp: identityProvider,
      ...(nonce === undefined ? {} : { nonce }),
      auth_time: authTime,
      at_hash: accessTokenHash(accessToken, server.signingAlgorithm),
    };
  }
}

/** What the scopes `profile` and `email` tell of a person (OpenID Connect Core section 5.4). */
export function profileClaims(
  user: User,
  scopes: readonly string[],
): Pick<IdTokenClaims, 'name' | 'preferred_username' | 'email' | 'email_verified'> {
  return {
    ...(scopes.includes('profile') && {
      ...(user.name === null ? {} : { name: user.name }),
      preferred_username: user.login,
    }),
    ...(scopes.includes('email') && user.email !== null && { email: user.email, email_verified: true }),
  };
}

function accessTokenHash(accessToken: string, algorithm: SigningAlgorithm): string {
  const digest = hash(hashOf[algorithm], accessToken, 'buffer');
  return digest.subarray(0, digest.length / 2).toString('base64url');
}
