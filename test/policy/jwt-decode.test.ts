import { describe, expect, it } from 'vitest';
import { decodeJwt } from '../../src/policy/jwt-decode.js';
import { base64url } from '../support/tokens.js';

const empty = base64url('{}');

function token(header: string | Uint8Array, payload: string | Uint8Array, signature = ''): string {
  return [base64url(header), base64url(payload), signature].join('.');
}

function decoded(text: unknown): string | undefined {
  const bytes = decodeJwt(text);
  return bytes && Buffer.from(bytes).toString();
}

// Expectations are what OPA 1.22.2 answers; the differential test asks it.
describe('io.jwt.decode', () => {
  it.each([
    {
      what: 'the signature in hex',
      text: token('{"alg":"RS256"}', '{"a":1}', 'AP8'),
      is: '[{"alg":"RS256"},{"a":1},"00ff"]',
    },
    {
      what: 'numbers with all their digits',
      text: token('{}', '{"n":9007199254740993}'),
      is: '[{},{"n":9007199254740993},""]',
    },
    {
      what: 'duplicate members, the last of which counts',
      text: token('{}', '{"a":1,"a":2}'),
      is: '[{},{"a":1,"a":2},""]',
    },
    { what: 'U+FFFD for half a pair', text: token('{}', '{"a":"\\ud800"}'), is: '[{},{"a":"\ufffd"},""]' },
    {
      what: 'a whole pair as it is',
      text: token('{}', '{"a":"\\ud83d\\ude00"}'),
      is: '[{},{"a":"\\ud83d\\ude00"},""]',
    },
    {
      what: 'an escaped backslash as it is',
      text: token('{}', '{"a":"\\\\ud800"}'),
      is: '[{},{"a":"\\\\ud800"},""]',
    },
    {
      what: 'U+FFFD for each stray byte',
      text: token('{}', Buffer.from([...Buffer.from('{"a":"'), 0xe2, 0x82, 0xff, ...Buffer.from('é"}')])),
      is: '[{},{"a":"\ufffd\ufffd\ufffdé"},""]',
    },
    { what: 'padding and line breaks passed over', text: `e30=.${empty}.A\nQ==`, is: '[{},{},"01"]' },
    { what: 'padding passed over', text: `e30=.${empty}.AQ==`, is: '[{},{},"01"]' },
    { what: 'line breaks passed over', text: `e30\n\n\n\n.${empty}.AQ`, is: '[{},{},"01"]' },
    { what: 'bits after the last byte ignored', text: `${empty}.${empty}.AR`, is: '[{},{},"01"]' },
    {
      what: 'a token in a token',
      text: token('{"cty":"JWT"}', token('{"in":1}', '{}', 'AQ')),
      is: '[{"in":1},{},"01"]',
    },
    {
      what: 'a quoted token in a token',
      text: token('{"cty":"JWT"}', `"${token('{}', '{}')}"`),
      is: '[{},{},""]',
    },
    { what: 'another content type', text: token('{"cty":"jwt"}', '{}'), is: '[{"cty":"jwt"},{},""]' },
    {
      what: 'a number that is zero to OPA',
      text: token('{}', '{"n":1e-999999999}'),
      is: '[{},{"n":1e-999999999},""]',
    },
    {
      what: 'too large a number that a duplicate hides',
      text: token('{}', '{"n":1e40000,"n":1}'),
      is: '[{},{"n":1e40000,"n":1},""]',
    },
  ])('gives $what', ({ text, is }) => {
    expect(decoded(text)).toBe(is);
  });

  it.each([
    { what: 'a number', text: 7 },
    { what: 'null', text: null },
    { what: 'an object', text: { tokenValue: 'e30.e30.' } },
    { what: 'empty text', text: '' },
    { what: 'two segments', text: `${empty}.${empty}` },
    { what: 'four segments', text: `${empty}.${empty}.AA.` },
    { what: 'five segments', text: `${empty}.${empty}.AA.AA.AA` },
    { what: 'no header', text: `.${empty}.AA` },
    { what: 'no payload', text: `${empty}..AA` },
    { what: 'a length that no base64 has', text: `${empty}.${empty}.A` },
    { what: 'too much padding', text: `e30==.${empty}.` },
    { what: 'plain base64', text: `${empty}.${empty}.++//` },
    { what: 'a character that is not base64', text: `${empty}.${empty}.AA A` },
    { what: 'a header that is no object', text: token('[]', '{}') },
    { what: 'a payload that is no object', text: token('{}', 'null') },
    { what: 'a payload with more after it', text: token('{}', '{}{}') },
    { what: 'a payload that begins with a byte order mark', text: token('{}', '\ufeff{}') },
    { what: 'an encrypted token', text: token('{"enc":"A256GCM"}', '{}') },
    { what: 'an enc that is null', text: token('{"enc":null}', '{}') },
    { what: 'a cty that is no text', text: token('{"cty":1}', '{}') },
    { what: 'no token in the token', text: token('{"cty":"JWT"}', '{}') },
    { what: 'a number that OPA refuses', text: token('{}', '{"n":1e40000}') },
    { what: 'a number too small for OPA', text: token('{}', '{"n":[-1.5E-40000]}') },
    { what: 'nesting deeper than 1000', text: token('{}', `{"d":${'['.repeat(1000)}${']'.repeat(1000)}}`) },
  ])('is undefined for $what', ({ text }) => {
    expect(decodeJwt(text)).toBeUndefined();
  });

  it('reads brackets in text as text', () => {
    const text = `"\\"${'['.repeat(2000)}"`;
    expect(decoded(token('{}', `{"d":${text}}`))).toBe(`[{},{"d":${text}},""]`);
  });

  it('never throws, however large or deep the token', () => {
    const hostile = [
      '.'.repeat(1e6),
      token('{"cty":"JWT"}', '"'.repeat(1e6)),
      token('{}', '['.repeat(1e6)),
      token('{}', `{"a":${'{"a":'.repeat(1e5)}1e5${'}'.repeat(1e5)}}`),
      token('{}', Buffer.alloc(1e5, 0xff)),
      `${empty}.${'='.repeat(1e6)}.`,
    ];
    for (const text of hostile) expect(decodeJwt(text)).toBeUndefined();
  });
});
