import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isJsonObject } from '../../base/json.js';
import type { JsonObject } from '../../base/json.js';
import { readSigningKeys } from '../../token/signing-keys.js';
import type { ReadKeys } from '../../token/signing-keys.js';

/** A key of an issuer, with the one algorithm that it verifies (RFC 8725 section 3.1). */
export interface IssuerKey {
  readonly kid: string;
  readonly jwk: Readonly<Record<string, string>>;
  readonly algorithm: 'RS256' | 'ES256' | 'EdDSA';
  readonly publicKey: KeyObject;
}

/** By key type and curve (RFC 7518 section 6.2, RFC 8037 section 2): the algorithm, and the public members. */
const curves: Readonly<Record<string, { algorithm: 'ES256' | 'EdDSA'; members: readonly string[] }>> = {
  'EC P-256': { algorithm: 'ES256', members: ['kty', 'crv', 'x', 'y'] },
  'OKP Ed25519': { algorithm: 'EdDSA', members: ['kty', 'crv', 'x'] },
};

/** The usable keys of a JWK set: those of {@link readSigningKeys}, and P-256 and Ed25519 ones. */
export function readIssuerKeys(keySet: unknown): ReadKeys<IssuerKey> | undefined {
  const rsa = readSigningKeys(keySet);
  if (rsa === undefined || !isJsonObject(keySet)) return undefined;
  const keys = new Map<string, IssuerKey>();
  for (const [kid, { jwk }] of rsa.keys) keys.set(kid, withKey(jwk, kid, 'RS256'));
  const warnings = [...rsa.warnings];
  const all = (keySet.keys as unknown[]).filter(isJsonObject);
  for (const jwk of all) {
    const curve = curves[`${textOf(jwk.kty)} ${textOf(jwk.crv)}`];
    if (curve === undefined || !isForSignatures(jwk, curve.algorithm)) continue;
    const key = all.filter(({ kid }) => kid === jwk.kid).length === 1 ? curveKey(jwk, curve) : undefined;
    if (key === undefined)
      warnings.push(`a ${textOf(jwk.kty)} key was dropped: malformed, or its kid is not its own`);
    else keys.set(key.kid, key);
  }
  return { keys, warnings };
}

function isForSignatures(jwk: JsonObject, algorithm: string): boolean {
  // RFC 9864 gives EdDSA over Ed25519 the name Ed25519 as well.
  const isAlgorithm =
    jwk.alg === undefined || jwk.alg === algorithm || (algorithm === 'EdDSA' && jwk.alg === 'Ed25519');
  return isAlgorithm && (jwk.use === undefined || jwk.use === 'sig');
}

function curveKey(jwk: JsonObject, curve: (typeof curves)[string]): IssuerKey | undefined {
  const { kid } = jwk;
  if (typeof kid !== 'string' || kid === '' || kid.length > 256 || 'd' in jwk) return undefined;
  try {
    return withKey(
      Object.fromEntries(curve.members.map((name) => [name, textOf(jwk[name])])),
      kid,
      curve.algorithm,
    );
  } catch {
    // Not a point of the curve.
    return undefined;
  }
}

function withKey(
  jwk: Readonly<Record<string, string>>,
  kid: string,
  algorithm: IssuerKey['algorithm'],
): IssuerKey {
  return { kid, jwk, algorithm, publicKey: createPublicKey({ key: { ...jwk }, format: 'jwk' }) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
