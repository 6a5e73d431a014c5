import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictObject, parseStrictObjectText } from '../../src/token/strict-json.js';

const nestedArrays = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
const nestedObjects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

const accepted: readonly { note: string; text: string }[] = [
  { note: 'an empty object', text: '{}' },
  { note: 'an object with every JSON type', text: '{"a":[1,-0.5e3,true,false,null,"x",{}],"b":{"a":1}}' },
  { note: 'the same name at different depths', text: '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}' },
  { note: 'colons, braces and quotes inside strings', text: '{"a":":{\\"b\\":1}","\\\\":"::"}' },
  { note: 'a name that ends in a backslash', text: '{"a\\\\":":"}' },
  { note: 'white space all around', text: ' \t\r\n{ "a" : 1 , "b" : [ 2 ] } \n' },
  { note: 'names that objects have anyway', text: '{"constructor":1,"toString":2,"hasOwnProperty":3}' },
  { note: 'names that look like indices, out of order', text: '{"2":1,"1":2,"a":3,"0":4}' },
  { note: 'an empty name', text: '{"":1}' },
  { note: 'arrays nested as deep as is allowed', text: nestedArrays(15) },
  { note: 'objects nested as deep as is allowed', text: nestedObjects(16) },
  { note: 'an escaped surrogate pair', text: '{"a":"\\ud83d\\ude00"}' },
];

const refused: readonly { note: string; text: string }[] = [
  { note: 'a duplicate name', text: '{"alg":"RS256","alg":"none"}' },
  { note: 'a duplicate name with an equal value', text: '{"a":1,"a":1}' },
  { note: 'a duplicate name spelled with an escape', text: '{"alg":"RS256","\\u0061lg":"none"}' },
  { note: 'a duplicate name spelled with an escape, the other way round', text: '{"\\u0061":1,"a":2}' },
  { note: 'a duplicate name of escaped quotes', text: '{"\\"":1,"\\u0022":2}' },
  { note: 'a duplicate empty name', text: '{"":1,"":2}' },
  { note: 'a duplicate deep inside', text: '{"a":[{"b":{"c":1,"c":2}}]}' },
  { note: 'a duplicate whose first value has members', text: '{"a":{"x":1,"y":2},"a":{}}' },
  { note: 'a duplicate whose second value has members', text: '{"a":{},"a":{"x":1,"y":2}}' },
  { note: 'a duplicate index-like name', text: '{"1":1,"1":2}' },
  { note: 'a __proto__ member', text: '{"__proto__":{"groups":["admin"]}}' },
  { note: 'a __proto__ member spelled with an escape', text: '{"\\u005f_proto__":1}' },
  { note: 'a __proto__ member deep inside', text: '{"a":[{"__proto__":null}]}' },
  { note: 'arrays one too deep', text: nestedArrays(16) },
  { note: 'objects one too deep', text: nestedObjects(17) },
  { note: 'a hundred thousand arrays', text: nestedArrays(100_000) },
  { note: 'a hundred thousand arrays never closed', text: '{"a":'.padEnd(100_000, '[') },
  { note: 'a number beyond all doubles', text: '{"exp":1e400}' },
  { note: 'a negative number beyond all doubles, deep inside', text: '{"a":[{"b":-1e400}]}' },
  { note: 'a byte order mark', text: '\ufeff{}' },
  { note: 'an array', text: '[]' },
  { note: 'a string', text: '"a"' },
  { note: 'a number', text: '1' },
  { note: 'null', text: 'null' },
  { note: 'nothing', text: '' },
  { note: 'a trailing comma', text: '{"a":1,}' },
  { note: 'trailing text', text: '{} x' },
  { note: 'a second object', text: '{}{}' },
  { note: 'a comment', text: '{/**/}' },
  { note: 'single quotes', text: "{'a':1}" },
  { note: 'NaN', text: '{"a":NaN}' },
  { note: 'a lone surrogate in a value', text: '{"sub":"a\\ud800"}' },
  { note: 'a lone surrogate in a name', text: '{"\\udc00":1}' },
  { note: 'surrogates in the wrong order, deep inside', text: '{"a":["\\ude00\\ud83d"]}' },
];

describe('a strict JSON object', () => {
  it.each(accepted)('is $note', ({ text }) => {
    expect(parseStrictObject(Buffer.from(text))).toEqual(JSON.parse(text));
    expect(parseStrictObjectText(text)).toEqual(JSON.parse(text));
  });

  it.each(refused)('is not $note', ({ text }) => {
    expect(parseStrictObject(Buffer.from(text))).toBeUndefined();
    expect(parseStrictObjectText(text)).toBeUndefined();
  });

  it.each([
    { note: 'a lone continuation byte', bytes: [0x80] },
    { note: 'an overlong slash', bytes: [0xc0, 0xaf] },
    { note: 'a surrogate', bytes: [0xed, 0xa0, 0x80] },
    { note: 'a code point beyond Unicode', bytes: [0xf4, 0x90, 0x80, 0x80] },
    { note: 'a truncated sequence', bytes: [0xe2, 0x82] },
    { note: 'a byte that UTF-8 never has', bytes: [0xff] },
  ])('is not UTF-8 with $note', ({ bytes }) => {
    const json = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]);
    expect(parseStrictObject(json)).toBeUndefined();
  });

  it('leaves Object.prototype alone', () => {
    parseStrictObjectText('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect('polluted' in {}).toBe(false);
  });

  it('is what JSON.stringify wrote, for every object without the names and depths that are refused', () => {
    const isWithinRules = (value: object) => !JSON.stringify(value).includes('__proto__');
    const objects = fc
      .object({
        maxDepth: 8,
        withNullPrototype: false,
        key: fc.string({ unit: 'grapheme' }),
        values: jsonLeaves(),
      })
      .filter(isWithinRules);
    fc.assert(
      fc.property(objects, (value) => {
        const text = JSON.stringify(value);
        expect(parseStrictObjectText(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('has no name twice: a second member of any name there is makes it refused', () => {
    const names = fc.uniqueArray(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(names, fc.nat(), fc.boolean(), (all, pick, escaped) => {
        const again = all[pick % all.length] ?? '';
        const members = all.map((name) => `${JSON.stringify(name)}:{}`);
        const once = `{${members.join(',')}}`;
        const twice = `{${members.join(',')},${escaped ? escapeAll(again) : JSON.stringify(again)}:{"a":1}}`;
        expect(parseStrictObjectText(once) === undefined).toBe(all.includes('__proto__'));
        expect(parseStrictObjectText(twice)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });
});

function jsonLeaves() {
  return [
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
  ];
}

/** The name with each of its UTF-16 units as an escape. */
function escapeAll(name: string): string {
  const units = Array.from({ length: name.length }, (_, index) => name.charCodeAt(index));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}
