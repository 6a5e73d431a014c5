import { hash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { compactVerify } from 'jose';
import { BoundedCache } from '../../base/bounded-cache.js';
import type { Clock } from '../../base/clock.js';
import type { JsonObject } from '../../base/json.js';
import { accept, refuse } from '../../base/outcome.js';
import type { Outcome } from '../../base/outcome.js';
import {
  audienceObjection,
  expiryObjection,
  issuedAtObjection,
  notBeforeObjection,
  optionalTextObjection,
  scopesObjection,
  textObjection,
} from '../../token/checks.js';
import { readCompactJws } from '../../token/compact-jws.js';
import type { RemoteKeySet } from '../../token/key-set.js';
import { principalOfToken } from '../../token/principal.js';
import type { VerifiedToken } from '../../token/principal.js';
import type { Objection, TokenRefusal } from '../../token/refusals.js';
import { verifiedTokenCacheMs } from '../../token/token-verifier.js';
import type { IssuerKey } from './issuer-keys.js';

/** Tokens of an issuer, by its key set. */
export interface TrustedIssuer {
  readonly issuer: string;
  /** `aud` of access tokens, the client's id for ID tokens: one of these. */
  readonly audiences: readonly string[];
  readonly keySet: RemoteKeySet<IssuerKey>;
}

export interface TrustedKeys {
  /** Ed25519 keys whose tokens need no `iss`, `kid` or `aud`. */
  readonly staticKeys: readonly KeyObject[];
  readonly issuers: readonly TrustedIssuer[];
}

/** As long as PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH lets a password be. */
const maxTokenLength = 65_535;

const maxVerifiedTokens = 1_000;

/** `crv` is no registered parameter; tokens for the field's older proxy carry it. */
const headerParameters: ReadonlySet<string> = new Set(['alg', 'kid', 'typ', 'crv']);
const types: ReadonlySet<unknown> = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt']);

/** Answers who a token belongs to: by static keys, or by the key set of an issuer. Never throws. */
export class TokenAuthenticator {
  #trusted: TrustedKeys;
  readonly #clock: Clock;
  /** Pools log in with one token again and again. */
  readonly #verified: BoundedCache<VerifiedToken>;
  #keysVersion = 0;

  constructor(trusted: TrustedKeys, clock: Clock) {
    this.#trusted = trusted;
    this.#clock = clock;
    this.#verified = new BoundedCache(maxVerifiedTokens, clock);
    for (const { keySet } of trusted.issuers)
      keySet.onChange(() => {
        this.#forget();
      });
  }

  /** Other keys from now on than those it was made with. */
  renewStaticKeys(staticKeys: readonly KeyObject[]): void {
    this.#trusted = { ...this.#trusted, staticKeys };
    this.#forget();
  }

  async authenticate(token: string): Promise<Outcome<VerifiedToken, TokenRefusal>> {
    const tokenHash = hash('sha256', token, 'base64url');
    const remembered = this.#verified.get(tokenHash);
    if (remembered !== undefined) return accept(remembered);
    const version = this.#keysVersion;
    const claims = await this.#verify(token);
    if (!claims.ok) return claims;
    const verified = toVerifiedToken(tokenHash, claims.value);
    const until = Math.min(this.#clock() + verifiedTokenCacheMs, verified.expiresAt * 1000);
    if (version === this.#keysVersion) this.#verified.set(tokenHash, verified, until);
    return accept(verified);
  }

  /** A key that is gone takes every token with it that it ever signed. */
  #forget(): void {
    this.#keysVersion++;
    this.#verified.clear();
  }

  /** Cheap checks come first, so that garbage costs neither a fetch nor a signature. */
  async #verify(token: string): Promise<Outcome<JsonObject, TokenRefusal>> {
    const read = readCompactJws(token, maxTokenLength);
    if (!read.ok) return read;
    const { header, claims } = read.value;
    const issuer = this.#trusted.issuers.find((trusted) => trusted.issuer === claims.iss);
    const objection = headerObjection(header) ?? this.#claimObjection(claims, issuer);
    if (objection !== undefined) return objection;
    const signed = await (issuer === undefined
      ? this.#isSignedByStaticKey(token, header)
      : isSignedByIssuer(token, header, issuer));
    return signed.ok ? accept(claims) : signed;
  }

  #claimObjection(claims: JsonObject, issuer: TrustedIssuer | undefined): Objection {
    const now = this.#clock() / 1000;
    const ofIssuer = issuer && audienceObjection(claims.aud, ...issuer.audiences);
    return (
      ofIssuer ??
      textObjection('sub', claims.sub) ??
      expiryObjection(claims.exp, now) ??
      (claims.iat === undefined ? undefined : issuedAtObjection(claims.iat, now)) ??
      notBeforeObjection(claims.nbf, now) ??
      optionalTextObjection('cid', claims.cid) ??
      optionalTextObjection('uid', claims.uid) ??
      optionalTextObjection('jti', claims.jti) ??
      scopesObjection(claims.scp)
    );
  }

  async #isSignedByStaticKey(token: string, header: JsonObject): Promise<Outcome<null, TokenRefusal>> {
    const { staticKeys, issuers } = this.#trusted;
    if (staticKeys.length === 0 && issuers.length > 0) return refuse('wrong_issuer', 'iss is another issuer');
    if (header.alg !== 'EdDSA') return refuse('unsupported', 'alg is not EdDSA');
    for (const key of staticKeys) if (await isSignedBy(key, 'EdDSA', token)) return accept(null);
    return refuse('bad_signature', 'the signature is of none of the static keys');
  }
}

async function isSignedByIssuer(
  token: string,
  { kid, alg }: JsonObject,
  { keySet }: TrustedIssuer,
): Promise<Outcome<null, TokenRefusal>> {
  if (typeof kid !== 'string' || kid === '') return refuse('unsupported', 'kid is not a non-empty string');
  const known = keySet.find(kid);
  const key = known === undefined ? await keySet.resolve(kid) : accept(known);
  if (!key.ok) return key;
  if (alg !== key.value.algorithm) return refuse('unsupported', 'alg is not that of the key');
  const { publicKey, algorithm } = key.value;
  return (await isSignedBy(publicKey, algorithm, token))
    ? accept(null)
    : refuse('bad_signature', 'the signature does not verify');
}

async function isSignedBy(key: KeyObject, algorithm: string, token: string): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [algorithm] });
    return true;
  } catch {
    return false;
  }
}

/** RFC 8725 section 3.11; anything but these parameters (jku, x5c, jwk, crit, b64 …) asks to be believed. */
function headerObjection(header: JsonObject): Objection {
  const stranger = Object.keys(header).find((name) => !headerParameters.has(name));
  if (stranger !== undefined)
    return refuse('unsupported', 'a header parameter other than alg, kid, typ and crv');
  const typ = typeof header.typ === 'string' ? header.typ.toLowerCase() : header.typ;
  if (!types.has(typ)) return refuse('unsupported', 'typ is not that of a token');
  if (header.crv !== undefined && header.crv !== 'Ed25519')
    return refuse('unsupported', 'crv is not Ed25519');
  return undefined;
}

function toVerifiedToken(tokenHash: string, claims: JsonObject): VerifiedToken {
  return {
    principal: principalOfToken(claims, 'local'),
    tokenHash,
    jti: (claims.jti as string | undefined) ?? null,
    expiresAt: claims.exp as number,
  };
}
