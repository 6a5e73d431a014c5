import { createPublicKey, createVerify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitCompactJws } from '../../src/token/compact-jws.js';
import { readSigningKeys } from '../../src/token/signing-keys.js';
import { describeWithVectors, readJsonFile } from '../support/vectors.js';
import { startOktaParts } from './support/okta-parts.js';
import type { OktaParts } from './support/okta-parts.js';
import { verifyAsTheLibraryDoes } from './support/rs256.js';

interface JwsGroup {
  readonly comment: string;
  readonly public?: Readonly<Record<string, unknown>>;
  readonly tests: readonly { tcId: number; comment: string; jws: string; result: 'valid' | 'invalid' }[];
}

/** Valid by the vectors and refused by us, with the reason. */
const refusedOnPurpose: Readonly<Record<number, string>> = {
  259: 'emptyPayload: an access token has claims, and an empty segment is a way into the library’s crash',
};

describeWithVectors('Wycheproof, JSON web signatures', 'wycheproof/json_web_signature_test.json', (file) => {
  const { testGroups } = readJsonFile(file) as { testGroups: JwsGroup[] };
  const vectors = testGroups.flatMap((group) => {
    const key = group.public ?? {};
    return group.tests.map((test) => ({ ...test, key, group: group.comment }));
  });
  // Every group whose key is RS256's, and every token that claims RS256 for another kind of RSA key.
  const ours = vectors.filter(
    ({ key, jws }) => key.alg === 'RS256' || (key.kty === 'RSA' && jws.startsWith('eyJhbGciOiJSUzI1Ni')),
  );
  let parts: OktaParts;
  beforeAll(async () => {
    parts = await startOktaParts({ keySet: { keys: [] } });
  });
  afterAll(() => parts.close());

  it('are 401, of which 236 concern RS256', () => {
    expect([vectors.length, ours.length]).toEqual([401, 236]);
  });

  it.each(ours.filter(({ tcId }) => !(tcId in refusedOnPurpose)))(
    '$tcId $group $comment: the signature is $result',
    ({ jws, key, result }) => {
      const keys = readSigningKeys({ keys: [key] })?.keys ?? new Map();
      expect(verifyAsTheLibraryDoes(jws, keys)).toBe(result === 'valid');
    },
  );

  it.each(Object.entries(refusedOnPurpose))('%s is valid and refused: %s', (tcId) => {
    const vector = ours.find((row) => row.tcId === Number(tcId));
    expect(vector?.result).toBe('valid');
    expect(splitCompactJws(vector?.jws ?? '')).toBeUndefined();
  });

  it('none is an access token: whatever their payloads are, they are no claims', async () => {
    for (const { jws, key } of vectors) {
      parts.okta.publish({ keys: [key] });
      const outcome = await parts.local.verify(jws);
      expect(outcome.ok ? 'accepted' : outcome.code).toBe('malformed');
    }
  });
});

interface RsaGroup {
  readonly keyJwk: Readonly<Record<string, unknown>>;
  readonly publicKeyPem: string;
  readonly tests: readonly {
    tcId: number;
    comment: string;
    msg: string;
    sig: string;
    result: 'valid' | 'acceptable' | 'invalid';
  }[];
}

describeWithVectors(
  'Wycheproof, RSA 2048 SHA-256',
  'wycheproof/rsa_signature_2048_sha256_test.json',
  (file) => {
    const { testGroups } = readJsonFile(file) as { testGroups: RsaGroup[] };
    const [main, ...smallExponents] = testGroups;
    const rows = main?.tests ?? [];
    const keyOf = (group: RsaGroup | undefined) =>
      readSigningKeys({ keys: [{ ...group?.keyJwk, kid: 'k' }] })?.keys.get('k')?.jwk;

    it('are 259, two of them with a small exponent', () => {
      expect(rows.length).toBe(257);
      expect(smallExponents.flatMap(({ tests }) => tests).length).toBe(2);
    });

    it.each(rows)('$tcId $comment: the signature is $result', ({ msg, sig, result }) => {
      const key = keyOf(main);
      if (key === undefined) throw new Error('the key was dropped');
      const verified = createVerify('RSA-SHA256')
        .update(Buffer.from(msg, 'hex'))
        .verify(
          createPublicKey({ key, format: 'jwk' }),
          Buffer.from(sig, 'hex').toString('base64'),
          'base64',
        );
      // "acceptable" (a DigestInfo without NULL) is left to the verifier; ours refuses it.
      expect(verified).toBe(result === 'valid');
    });

    it.each(smallExponents)('a valid signature is not asked about a key of exponent 3', (group) => {
      expect(keyOf(group)).toBeUndefined();
    });

    describe('keys', () => {
      it('of the vectors are dropped for their exponent and nothing else', () => {
        const keys = smallExponents.map(({ keyJwk }, index) => ({ ...keyJwk, kid: `k${index}` }));
        const warnings = readSigningKeys({ keys })?.warnings ?? [];
        expect(warnings).toEqual(
          keys.map(({ kid }) => `key "${kid}" was dropped: its public exponent is weak`),
        );
      });
    });
  },
);
