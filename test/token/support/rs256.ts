import { createPublicKey, createVerify } from 'node:crypto';
import { headerObjection } from '../../../src/token/checks.js';
import { splitCompactJws } from '../../../src/token/compact-jws.js';
import type { SigningKey } from '../../../src/token/signing-keys.js';
import { parseStrictObject } from '../../../src/token/strict-json.js';

/**
 * The signature of a compact JWS checked as local validation does, claims left aside: our split, our header checks,
 * our reading of keys, and the call of `@okta/jwt-verifier` to Node's crypto, with the signature in base64.
 */
export function verifyAsTheLibraryDoes(jws: string, keys: ReadonlyMap<string, SigningKey>): boolean {
  const segments = splitCompactJws(jws);
  if (segments === undefined) return false;
  const header = parseStrictObject(Buffer.from(segments.header, 'base64url'));
  if (header === undefined || headerObjection(header) !== undefined) return false;
  const key = keys.get(header.kid as string);
  if (key === undefined) return false;
  const base64 = segments.signature.replaceAll('-', '+').replaceAll('_', '/');
  return createVerify('RSA-SHA256')
    .update(`${segments.header}.${segments.payload}`)
    .verify(createPublicKey({ key: key.jwk, format: 'jwk' }), base64, 'base64');
}
