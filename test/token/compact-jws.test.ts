import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { maxTokenLength } from '../../src/token/bearer.js';
import { readCompactJws, splitCompactJws } from '../../src/token/compact-jws.js';
import { base64url, machineClaims, makeKey, mint } from '../support/tokens.js';

const key = makeKey('k1');
const header = base64url('{"alg":"RS256","kid":"k1"}');
const payload = base64url('{"sub":"a"}');
const signature = base64url(Buffer.alloc(256, 0xfb));

describe('a compact JWS', () => {
  let token: string;
  beforeAll(async () => {
    token = await mint(key);
  });

  it('is read into header and claims', () => {
    expect(readCompactJws(token)).toEqual({
      ok: true,
      value: { header: { alg: 'RS256', kid: 'k1' }, claims: machineClaims() },
    });
  });

  it('may have claims beyond ASCII', () => {
    const read = readCompactJws(`${header}.${base64url('{"sub":"Zoë 🪳"}')}.${signature}`);
    expect(read).toMatchObject({ value: { claims: { sub: 'Zoë 🪳' } } });
  });

  it.each([
    { note: 'nothing', text: '' },
    { note: 'two dots', text: '..' },
    { note: 'one segment', text: header },
    { note: 'two segments', text: `${header}.${payload}` },
    { note: 'an empty signature', text: `${header}.${payload}.` },
    { note: 'an empty payload', text: `${header}..${signature}` },
    { note: 'an empty header', text: `.${payload}.${signature}` },
    { note: 'four segments', text: `${header}.${payload}.${signature}.${signature}` },
    { note: 'five segments, a JWE', text: `${header}.${payload}.${signature}.${payload}.${payload}` },
    { note: 'a dot at the end', text: `${header}.${payload}.${signature}.` },
    { note: 'a line feed at the end', text: `${header}.${payload}.${signature}\n` },
    { note: 'a space in front', text: ` ${header}.${payload}.${signature}` },
    { note: 'padding', text: `${header}.${payload}.${signature}==` },
    { note: 'the other alphabet', text: `${header}.${payload}.${signature.replaceAll('-', '+')}` },
    { note: 'a segment of a length that base64 does not have', text: `${header}.${payload}.AAAAA` },
    { note: 'JSON serialization', text: JSON.stringify({ protected: header, payload, signature }) },
    { note: 'a header that is no JSON', text: `${base64url('alg')}.${payload}.${signature}` },
    { note: 'a header that is an array', text: `${base64url('[]')}.${payload}.${signature}` },
    { note: 'a header with duplicates', text: `${base64url('{"a":1,"a":1}')}.${payload}.${signature}` },
    { note: 'a payload that is no JSON', text: `${header}.${base64url('foo')}.${signature}` },
    { note: 'a payload that is a string', text: `${header}.${base64url('"a"')}.${signature}` },
    { note: 'a payload with duplicates', text: `${header}.${base64url('{"a":1,"a":1}')}.${signature}` },
    {
      note: 'a payload that is not UTF-8',
      text: `${header}.${base64url(Buffer.of(0x22, 0xff, 0x22))}.${signature}`,
    },
    { note: 'a hundred thousand dots', text: '.'.repeat(100_000) },
  ])('is not $note', ({ text }) => {
    expect(readCompactJws(text)).toMatchObject({ ok: false, code: 'malformed' });
  });

  it(`is at most ${maxTokenLength} characters long`, () => {
    const rest = maxTokenLength - header.length - payload.length - 2;
    const longest = `${header}.${payload}.${'A'.repeat(rest)}`;
    expect(splitCompactJws(longest)).toBeDefined();
    expect(splitCompactJws(`${longest}AAAA`)).toBeUndefined();
  });

  it('has one spelling: no other last character of a segment is taken', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const spellings = Array.from(alphabet, (last) => `${header}.${payload}.${signature.slice(0, -1)}${last}`);
    const sameBytes = spellings.filter((spelling) => bytesOf(spelling).equals(Buffer.alloc(256, 0xfb)));
    expect(sameBytes).toHaveLength(16);
    expect(sameBytes.filter((spelling) => splitCompactJws(spelling) !== undefined)).toEqual([
      `${header}.${payload}.${signature}`,
    ]);
  });

  it('splits into what encodes to itself again, or does not split', () => {
    const segment = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 12 }).map(base64url),
      fc.string({ unit: fc.constantFrom(...Array.from('ABab01-_+/=. ')), maxLength: 12 }),
    );
    fc.assert(
      fc.property(segment, segment, segment, (first, second, third) => {
        const text = `${first}.${second}.${third}`;
        const isCanonical = [first, second, third].every(
          (part) => part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part,
        );
        const split = splitCompactJws(text);
        expect(split).toEqual(isCanonical ? { header: first, payload: second, signature: third } : undefined);
      }),
      { numRuns: 5000 },
    );
  });

  it('is read or refused, never an exception, whatever the text', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.tuple(fc.json(), fc.json()).map((parts) => `${parts.map(base64url).join('.')}.${signature}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(typeof readCompactJws(text).ok).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
  });
});

function bytesOf(token: string): Buffer {
  return Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url');
}
