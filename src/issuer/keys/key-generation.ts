import { createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint } from 'jose';
import { SetupError } from '../../base/setup-error.js';
import type { Peppers } from '../peppers.js';
import type { KeyState, NewSigningKey, SigningAlgorithm, SigningKeyRow } from '../store/schema.js';
import { seal, unseal } from './key-sealing.js';

const generate = promisify(generateKeyPair);
const modulusLength = 2048;

/** Members of a JWK that are public, by key type (RFC 7518 section 6, RFC 8037 section 2). */
const publicMembers: Readonly<Record<string, readonly string[]>> = {
  RSA: ['kty', 'n', 'e'],
  EC: ['kty', 'crv', 'x', 'y'],
  OKP: ['kty', 'crv', 'x'],
};

function generateFor(algorithm: SigningAlgorithm): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  switch (algorithm) {
    case 'RS256':
    case 'RS512':
      return generate('rsa', { modulusLength });
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'EdDSA':
      return generate('ed25519');
  }
}

/** A new key pair as it is stored: the private part sealed, the id its thumbprint (RFC 7638). */
export async function newSigningKey(
  algorithm: SigningAlgorithm,
  state: KeyState,
  peppers: Peppers,
): Promise<NewSigningKey> {
  const { publicKey, privateKey } = await generateFor(algorithm);
  const jwk = publicKey.export({ format: 'jwk' });
  const members = Object.fromEntries(
    (publicMembers[jwk.kty ?? ''] ?? []).map((member) => [member, String(jwk[member])]),
  );
  const kid = await calculateJwkThumbprint(members);
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  return {
    kid,
    state,
    algorithm,
    public_jwk: JSON.stringify(members),
    sealed_private_key: seal(pkcs8, kid, peppers.current),
    pepper_id: peppers.current.id,
  };
}

/** @throws SetupError when it was sealed under a pepper that the settings don't name */
export function privateKeyOf(row: SigningKeyRow, peppers: Peppers): KeyObject {
  const pepper = peppers.find(row.pepper_id);
  if (pepper === undefined)
    throw new SetupError(
      'the signing key is sealed under another ISSUER_PEPPER; add the old one behind the new one',
    );
  const key = unseal(row.sealed_private_key, row.kid, pepper);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

export function publicKeyOf({ public_jwk }: SigningKeyRow): KeyObject {
  return createPublicKey({ key: public_jwk, format: 'jwk' });
}
