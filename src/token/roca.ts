/**
 * Primes with which the broken generator of CVE-2017-15361 (ROCA) betrays itself: its moduli are powers of 65537
 * modulo each of them. Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, section 2.
 */
const primes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
  109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/** Whether an RSA modulus looks made by that generator; about one sound modulus in 2^27 or fewer does too. */
export function hasRocaFingerprint(modulus: bigint): boolean {
  return primes.every((prime) => isPowerOf65537(Number(modulus % BigInt(prime)), prime));
}

function isPowerOf65537(residue: number, prime: number): boolean {
  let power = 1;
  for (let exponent = 0; exponent < prime; exponent++) {
    if (power === residue) return true;
    power = (power * (65_537 % prime)) % prime;
  }
  return false;
}
