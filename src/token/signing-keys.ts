import { createPublicKey } from 'node:crypto';
import { isJsonObject } from '../base/json.js';
import type { JsonObject } from '../base/json.js';
import { errorText } from '../base/error-text.js';
import { hasRocaFingerprint } from './roca.js';

/** An RS256 key of the issuer, checked and ready for use. */
export interface SigningKey {
  readonly kid: string;
  /** Public members only. */
  readonly jwk: { readonly kty: 'RSA'; readonly n: string; readonly e: string; readonly kid: string };
}

export interface ReadKeys<K = SigningKey> {
  readonly keys: ReadonlyMap<string, K>;
  /** One sentence for each key that was dropped, for the log. */
  readonly warnings: readonly string[];
}

const maxKeys = 64;
const minModulusBits = 2048;
/** Verification time grows with the modulus; a huge one is an attack on this process. */
const maxModulusBits = 8192;
const minExponent = 65_537n;
const maxExponent = 2n ** 32n;
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * The usable keys of a JWK set (RFC 7517 section 5), or undefined when it is none. Keys of other kinds (EC, `use: enc`,
 * other algorithms) are passed over in silence; weak, malformed and ambiguous ones are dropped with a warning.
 */
export function readSigningKeys(keySet: unknown): ReadKeys | undefined {
  if (!isJsonObject(keySet) || !Array.isArray(keySet.keys) || keySet.keys.length > maxKeys) return undefined;
  const candidates = keySet.keys.filter((jwk) => isJsonObject(jwk) && isForRs256(jwk)) as JsonObject[];
  const keys = new Map<string, SigningKey>();
  const warnings: string[] = [];
  const kids = countKids(keySet.keys);
  for (const jwk of candidates) {
    const problem = problemOf(jwk, kids);
    if (problem === undefined) keys.set(jwk.kid as string, toSigningKey(jwk));
    else warnings.push(`key ${quoteKid(jwk.kid)} was dropped: ${problem}`);
  }
  return { keys, warnings };
}

function isForRs256(jwk: JsonObject): boolean {
  if (jwk.kty !== 'RSA') return false;
  if (jwk.alg !== undefined && jwk.alg !== 'RS256') return false;
  if (jwk.use !== undefined && jwk.use !== 'sig') return false;
  return jwk.key_ops === undefined || (Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify'));
}

function countKids(keys: readonly unknown[]): ReadonlyMap<unknown, number> {
  const counts = new Map<unknown, number>();
  for (const jwk of keys) {
    const kid = isJsonObject(jwk) ? jwk.kid : undefined;
    counts.set(kid, (counts.get(kid) ?? 0) + 1);
  }
  return counts;
}

function problemOf(jwk: JsonObject, kids: ReadonlyMap<unknown, number>): string | undefined {
  if (typeof jwk.kid !== 'string' || jwk.kid === '' || jwk.kid.length > 256)
    return 'kid is not a short string';
  if ((kids.get(jwk.kid) ?? 0) > 1) return 'another key has the same kid';
  if (privateMembers.some((member) => member in jwk)) return 'it carries private members';
  if (typeof jwk.n !== 'string' || typeof jwk.e !== 'string') return 'n or e is absent';
  if (jwk.n.length > (maxModulusBits / 6) * 1.1 || jwk.e.length > 16) return 'n or e is too long';
  return weakness(jwk);
}

function weakness(jwk: JsonObject): string | undefined {
  try {
    const details = createPublicKey({ key: jwk, format: 'jwk' }).asymmetricKeyDetails ?? {};
    const { modulusLength = 0, publicExponent = 0n } = details;
    if (modulusLength < minModulusBits || modulusLength > maxModulusBits)
      return `its modulus has ${modulusLength} bits`;
    const oddAndLarge =
      publicExponent % 2n === 1n && publicExponent >= minExponent && publicExponent < maxExponent;
    if (!oddAndLarge) return 'its public exponent is weak';
    return hasRocaFingerprint(modulusOf(jwk))
      ? 'its modulus comes from a broken generator (CVE-2017-15361)'
      : undefined;
  } catch (error) {
    return `it is no RSA key: ${errorText(error)}`;
  }
}

function modulusOf(jwk: JsonObject): bigint {
  return BigInt(`0x${Buffer.from(jwk.n as string, 'base64url').toString('hex')}`);
}

function toSigningKey(jwk: JsonObject): SigningKey {
  const kid = jwk.kid as string;
  return { kid, jwk: { kty: 'RSA', n: jwk.n as string, e: jwk.e as string, kid } };
}

/** A kid is text from outside: bounded and escaped before it goes into a log. */
function quoteKid(kid: unknown): string {
  return typeof kid === 'string' ? JSON.stringify(kid.slice(0, 64)) : 'without a kid';
}
