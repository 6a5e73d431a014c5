import { describe, expect, it } from 'vitest';
import { hasRocaFingerprint } from '../../src/token/roca.js';
import { makeKey } from '../support/tokens.js';

const modulusOf = (n: string) => BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);

/** 65537^exponent modulo the product of all primes up to 167: what the broken generator's moduli look like. */
function fingerprinted(exponent: number): bigint {
  const primes = Array.from({ length: 166 }, (_, index) => index + 2).filter(isPrime);
  const primorial = primes.reduce((product, prime) => product * BigInt(prime), 1n);
  let power = 1n;
  for (let step = 0; step < exponent; step++) power = (power * 65_537n) % primorial;
  return power + primorial * 2n ** 1800n;
}

function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++)
    if (candidate % divisor === 0) return false;
  return true;
}

describe('the fingerprint of CVE-2017-15361', () => {
  it.each([1, 2, 3, 1000, 65_537])('is on a modulus that is the generator to the power of %d', (exponent) => {
    expect(hasRocaFingerprint(fingerprinted(exponent))).toBe(true);
  });

  it('is not on a neighbour of such a modulus', () => {
    expect(hasRocaFingerprint(fingerprinted(1000) + 2n)).toBe(false);
  });

  it('is not on keys of a sound generator', () => {
    const keys = [makeKey('a'), makeKey('b'), makeKey('c')];
    expect(keys.map(({ published }) => hasRocaFingerprint(modulusOf(published.n)))).toEqual([
      false,
      false,
      false,
    ]);
  });
});
