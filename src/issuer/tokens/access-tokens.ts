import { randomBytes } from 'node:crypto';
import { CompactSign, compactVerify } from 'jose';
import type { Clock } from '../../base/clock.js';
import { readCompactJws } from '../../token/compact-jws.js';
import type { AuthorizationServer } from '../authorization-server.js';
import type { SigningKeyRing } from '../keys/signing-key-ring.js';

/** Claims of an access token for a program, in Okta's names. */
export interface AccessTokenClaims {
  readonly ver: 1;
  readonly jti: string;
  readonly iss: string;
  readonly aud: string;
  /** Seconds since the epoch, as `exp`. */
  readonly iat: number;
  readonly exp: number;
  /** The client that it was issued to. */
  readonly cid: string;
  readonly scp: readonly string[];
  readonly sub: string;
}

const utf8 = new TextEncoder();

/** Makes access tokens, and reads those that were made here. */
export class AccessTokens {
  readonly #keys: SigningKeyRing;
  readonly #clock: Clock;

  constructor(keys: SigningKeyRing, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** A token for a program: its subject is the client itself. */
  async issue(server: AuthorizationServer, clientId: string, scopes: readonly string[]): Promise<string> {
    const iat = Math.floor(this.#clock() / 1000);
    const claims: AccessTokenClaims = {
      ver: 1,
      jti: `AT.${randomBytes(32).toString('base64url')}`,
      iss: server.issuer,
      aud: server.audience,
      iat,
      exp: iat + server.accessTokenSeconds,
      cid: clientId,
      scp: scopes,
      sub: clientId,
    };
    const { kid, privateKey } = this.#keys.current;
    return new CompactSign(utf8.encode(JSON.stringify(claims)))
      .setProtectedHeader({ kid, alg: 'RS256' })
      .sign(privateKey);
  }

  /** The claims, when this server signed the token and its time is not over; whether it was revoked is not seen here. */
  async read(token: string, server: AuthorizationServer): Promise<AccessTokenClaims | undefined> {
    const jws = readCompactJws(token);
    if (!jws.ok || typeof jws.value.header.kid !== 'string') return undefined;
    const key = this.#keys.publicKey(jws.value.header.kid);
    if (key === undefined || !(await isSignedBy(key, token))) return undefined;
    // Signed here, so of the shape that `issue` gave it.
    const claims = jws.value.claims as unknown as AccessTokenClaims;
    return claims.iss === server.issuer && claims.exp * 1000 > this.#clock() ? claims : undefined;
  }
}

async function isSignedBy(key: Parameters<typeof compactVerify>[1], token: string): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: ['RS256'] });
    return true;
  } catch {
    return false;
  }
}
