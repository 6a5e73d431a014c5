import { describe, expect, it } from 'vitest';
import { readSigningKeys } from '../../src/token/signing-keys.js';
import { makeKey } from '../support/tokens.js';
import { describeWithVectors, readJsonFile } from '../support/vectors.js';

const first = makeKey('first').published;
const second = makeKey('second').published;

/** The kids that survive, and what was warned of. */
function read(...keys: readonly unknown[]): { kids: string[]; warnings: readonly string[] } {
  const result = readSigningKeys({ keys });
  if (result === undefined) throw new Error('no key set');
  return { kids: [...result.keys.keys()], warnings: result.warnings };
}

describe('the keys of a key set', () => {
  it('are those that Okta publishes, with public members only', () => {
    const result = readSigningKeys({ keys: [first, second] });
    const { kid, n, e } = first;
    expect(result?.keys.get('first')).toEqual({ kid: 'first', jwk: { kty: 'RSA', n, e, kid } });
    expect(read(first, second)).toEqual({ kids: ['first', 'second'], warnings: [] });
  });

  it.each([
    { note: 'alg', key: { ...first, alg: undefined } },
    { note: 'use', key: { ...first, use: undefined } },
    { note: 'alg and use', key: { ...first, alg: undefined, use: undefined } },
    { note: 'use but with key_ops', key: { ...first, use: undefined, key_ops: ['verify'] } },
  ])('may come without $note', ({ key }) => {
    expect(read(key).kids).toEqual(['first']);
  });

  it.each([
    { note: 'for another algorithm', key: { ...first, alg: 'PS256' } },
    { note: 'for encryption', key: { ...first, use: 'enc' } },
    { note: 'for other operations', key: { ...first, key_ops: ['encrypt'] } },
    { note: 'whose key_ops are no list', key: { ...first, key_ops: 'verify' } },
    { note: 'of an elliptic curve', key: { ...first, kty: 'EC' } },
    { note: 'that are symmetric', key: { ...first, kty: 'oct', k: 'AAAA' } },
    { note: 'without kty', key: { ...first, kty: undefined } },
    { note: 'that are no objects', key: 'first' },
    { note: 'that are null', key: null },
  ])('$note are passed over in silence', ({ key }) => {
    expect(read(key, second)).toEqual({ kids: ['second'], warnings: [] });
  });

  it.each([
    { note: 'without kid', key: { ...first, kid: undefined } },
    { note: 'with an empty kid', key: { ...first, kid: '' } },
    { note: 'whose kid is a number', key: { ...first, kid: 1 } },
    { note: 'whose kid is long', key: { ...first, kid: 'k'.repeat(257) } },
    { note: 'with the private exponent', key: { ...first, d: 'AAAA' } },
    { note: 'with a prime', key: { ...first, p: 'AAAA' } },
    { note: 'with symmetric bytes', key: { ...first, k: 'AAAA' } },
    { note: 'without n', key: { ...first, n: undefined } },
    { note: 'with an empty n', key: { ...first, n: '' } },
    { note: 'with an n that is no base64url', key: { ...first, n: '!!!!' } },
    { note: 'without e', key: { ...first, e: undefined } },
    { note: 'with an e that is a number', key: { ...first, e: 65_537 } },
    { note: 'of 1024 bits', key: makeKey('first', 1024).published },
    { note: 'of 2040 bits', key: makeKey('first', 2040).published },
    { note: 'of a modulus far too long', key: { ...first, n: 'x'.repeat(100_000) } },
    { note: 'with exponent 1', key: { ...first, e: 'AQ' } },
    { note: 'with exponent 3', key: { ...first, e: 'Aw' } },
    { note: 'with an even exponent', key: { ...first, e: 'AQAA' } },
    { note: 'with an exponent of 33 bits', key: { ...first, e: 'AQAAAAE' } },
    { note: 'with a very long exponent', key: { ...first, e: 'A'.repeat(100) } },
  ])('$note are dropped with one warning', ({ key }) => {
    const { kids, warnings } = read(key, second);
    expect(kids).toEqual(['second']);
    expect(warnings).toHaveLength(1);
  });

  it.each([
    { note: 'an equal one', twin: first },
    { note: 'another one', twin: { ...second, kid: 'first' } },
    { note: 'one for encryption', twin: { ...second, kid: 'first', use: 'enc' } },
    { note: 'one of another kind', twin: { kty: 'oct', kid: 'first', k: 'AAAA' } },
  ])('of one kid are dropped beside $note, since nobody can say which is meant', ({ twin }) => {
    const { kids, warnings } = read(first, twin, second);
    expect(kids).toEqual(['second']);
    expect(warnings.join()).toContain('"first" was dropped: another key has the same kid');
  });

  it('may have names that objects have anyway', () => {
    const keys = ['__proto__', 'constructor', 'toString'].map((kid) => ({ ...first, kid }));
    const result = readSigningKeys({ keys: keys.slice(0, 1) });
    expect(result?.keys.get('__proto__')?.kid).toBe('__proto__');
    expect(result?.keys.get('constructor')).toBeUndefined();
  });

  it.each([
    { note: 'null', value: null },
    { note: 'undefined', value: undefined },
    { note: 'an array', value: [first] },
    { note: 'a bare key', value: first },
    { note: 'an object without keys', value: {} },
    { note: 'keys that are no list', value: { keys: { 0: first } } },
    { note: 'more keys than anybody rotates', value: { keys: Array.from({ length: 65 }, () => first) } },
  ])('are not those of $note', ({ value }) => {
    expect(readSigningKeys(value)).toBeUndefined();
  });

  it('are none in an empty key set', () => {
    expect(read()).toEqual({ kids: [], warnings: [] });
  });

  it('appear in warnings with a short, escaped kid and no key material', () => {
    const { warnings } = read({ ...first, kid: `\u001b[31m${'x'.repeat(250)}`, e: 'AQ' });
    expect(warnings[0]).toMatch(/^key "\\u001b\[31mx{59}" was dropped: [a-z ]+$/);
    expect(warnings.join()).not.toContain(first.n);
  });
});

describeWithVectors('the hostile key set', 'hostile/jwks.json', (file) => {
  const keySet = readJsonFile(file) as { keys: { kid: string }[] };

  it('leaves only the two sound RS256 keys, and says which others it dropped', () => {
    const { kids, warnings } = read(...keySet.keys);
    expect(kids).toEqual(['rs1', 'rs2']);
    const dropped = warnings.map((warning) => /^key "(\w+)"/.exec(warning)?.[1]);
    expect(dropped).toEqual(['weak1024', 'dup', 'dup', 'e1']);
  });
});
