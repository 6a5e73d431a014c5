import { expect, it } from 'vitest';
import { readSigningKeys } from '../../src/token/signing-keys.js';
import { describeWithVectors, readJsonFile } from '../support/vectors.js';
import { verifyAsTheLibraryDoes } from './support/rs256.js';

interface KeyGroup {
  readonly comment: string;
  readonly public?: { keys: Readonly<Record<string, unknown>>[] };
  readonly private: { keys: Readonly<Record<string, unknown>>[] };
  readonly tests: readonly { tcId: number; comment: string; jws: string; result: 'valid' | 'invalid' }[];
}

/** Valid by the vectors and refused by us, with the reason. */
const refusedOnPurpose: Readonly<Record<number, string>> = {
  2: 'acceptsValid, HS256: access tokens are RS256, and the issuer shares no secret',
  13: 'long_key, HS256: the same',
  14: 'long_key, HS384: the same',
  15: 'long_key, HS512: the same',
};

/** Refused for the key: what the warning about it says. The signatures of some of them are good. */
const weakKeys: Readonly<Record<number, RegExp>> = {
  7: /broken generator/,
  8: /1024 bits/,
  9: /public exponent is weak/,
  24: /n or e is absent/,
};

describeWithVectors('Wycheproof, JSON web keys', 'wycheproof/json_web_key_test.json', (file) => {
  const { testGroups } = readJsonFile(file) as { testGroups: KeyGroup[] };
  const vectors = testGroups.flatMap((group) => {
    // Groups with symmetric keys have no public half; the key set is what an issuer would have published.
    const keySet = group.public ?? group.private;
    return group.tests.map((test) => ({
      ...test,
      group: group.comment,
      read: readSigningKeys(keySet),
      keySet,
    }));
  });

  it('are 26', () => {
    expect(vectors).toHaveLength(26);
  });

  it.each(vectors.filter(({ tcId }) => !(tcId in refusedOnPurpose)))(
    '$tcId $group $comment: $result',
    ({ jws, read, result }) => {
      expect(verifyAsTheLibraryDoes(jws, read?.keys ?? new Map())).toBe(result === 'valid');
    },
  );

  it.each(Object.entries(refusedOnPurpose))('%s is valid and refused: %s', (tcId) => {
    const vector = vectors.find((row) => row.tcId === Number(tcId));
    expect(vector?.result).toBe('valid');
    expect(verifyAsTheLibraryDoes(vector?.jws ?? '', vector?.read?.keys ?? new Map())).toBe(false);
  });

  it.each(Object.entries(weakKeys))('the key of %s is dropped with the warning %s', (tcId, warning) => {
    const vector = vectors.find((row) => row.tcId === Number(tcId));
    // Some keys came from generators that publish a private half too; what is weak about them is their public one.
    const keys = vector?.keySet.keys.map(({ kty, kid, n, e }) => ({ kty, kid, n, e }));
    expect(readSigningKeys({ keys })?.warnings.join()).toMatch(warning);
  });
});
