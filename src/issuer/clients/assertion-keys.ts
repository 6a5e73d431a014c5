import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isJsonObject } from '../../base/json.js';
import type { JsonObject } from '../../base/json.js';
import type { PublicJwks } from '../store/schema.js';

interface AssertionAlgorithm {
  readonly kty: 'RSA' | 'EC' | 'OKP';
  /** Of EC and OKP keys. */
  readonly crv?: string;
}

const rsa = { kty: 'RSA' } as const;

/** Algorithms that clients may sign with, and the keys they go with (RFC 7518 section 3.1, RFC 8037 section 3.1). */
const algorithms = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
  // The same under the name that says which curve (RFC 9864 section 2.2).
  Ed25519: { kty: 'OKP', crv: 'Ed25519' },
} as const satisfies Readonly<Record<string, AssertionAlgorithm>>;

export type AssertionAlgorithmName = keyof typeof algorithms;

export const assertionAlgorithms = Object.keys(algorithms) as AssertionAlgorithmName[];

export interface AssertionKey {
  readonly key: KeyObject;
  readonly algorithm: AssertionAlgorithmName;
  /** Nobody's key: whatever comes of it, the signature is wrong. */
  readonly isDecoy: boolean;
}

/** Finds the keys that can have made a signature. */
export class AssertionKeys {
  readonly #decoys = decoys();

  /**
   * The keys of the type that `alg` needs, and with the `kid` of the header where it names one. A decoy where the client
   * has none of them. Empty where the algorithm is not accepted.
   */
  for(header: JsonObject, jwks: PublicJwks | undefined): AssertionKey[] {
    const algorithm = assertionAlgorithms.find((name) => name === header.alg);
    if (algorithm === undefined) return [];
    const keys = (jwks?.keys ?? [])
      .filter((jwk) => isJsonObject(jwk) && fits(jwk, algorithm, header.kid))
      .flatMap(parse)
      .map((key) => ({ key, algorithm, isDecoy: false }));
    return keys.length > 0 ? keys : [{ key: this.#decoys[algorithm], algorithm, isDecoy: true }];
  }
}

function fits(jwk: JsonObject, algorithm: AssertionAlgorithmName, kid: unknown): boolean {
  const { kty, crv }: AssertionAlgorithm = algorithms[algorithm];
  return (
    jwk.kty === kty &&
    (crv === undefined || jwk.crv === crv) &&
    (jwk.alg === undefined || jwk.alg === algorithm) &&
    (jwk.use === undefined || jwk.use === 'sig') &&
    (kid === undefined || jwk.kid === kid)
  );
}

function parse(jwk: PublicJwks['keys'][number]): KeyObject[] {
  try {
    return [createPublicKey({ key: jwk, format: 'jwk' })];
  } catch {
    return [];
  }
}

function decoys(): Readonly<Record<AssertionAlgorithmName, KeyObject>> {
  const rsa = rsaDecoy();
  const ed25519 = generateKeyPairSync('ed25519').publicKey;
  return {
    RS256: rsa,
    RS384: rsa,
    RS512: rsa,
    PS256: rsa,
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
    ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey,
    EdDSA: ed25519,
    Ed25519: ed25519,
  };
}

/** To verify with any odd modulus of the usual size takes as long, and finding primes for it would delay the start. */
function rsaDecoy(): KeyObject {
  const modulus = randomBytes(256);
  modulus[0] = 0xff;
  modulus[255] = 0xff;
  const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' };
  return createPublicKey({ key: jwk, format: 'jwk' });
}
