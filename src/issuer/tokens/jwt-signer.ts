import { CompactSign } from 'jose';
import type { SigningKeyRing } from '../keys/signing-key-ring.js';
import type { SigningAlgorithm } from '../store/schema.js';

const utf8 = new TextEncoder();

/** Signs claims with the current key: a JWT with the header that Okta gives, `kid` and `alg` only. */
export async function signJwt(
  keys: SigningKeyRing,
  algorithm: SigningAlgorithm,
  claims: object,
): Promise<string> {
  await keys.ensure(algorithm);
  const { kid, privateKey } = keys.current(algorithm);
  return new CompactSign(utf8.encode(JSON.stringify(claims)))
    .setProtectedHeader({ kid, alg: algorithm })
    .sign(privateKey);
}
