import fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import type { HttpInputRequest } from '../../../src/policy/policy-input.js';
import type { VerifiedToken } from '../../../src/token/principal.js';

/*
 * Left out, because there the engines are known to differ, always to the safe side:
 * - a header with a `cty` that is no string: OPA 1.22 panics and drops the connection; embedded, the token is undecodable
 * - nesting deeper than 1000 levels: OPA reads 10,000; embedded, the token is undecodable
 */

/** One question for both engines. */
export interface GeneratedRequest {
  readonly request: HttpInputRequest;
  readonly token: VerifiedToken;
}

const scopes = fc.constantFrom(
  'read_sayhello',
  'read_saysecret',
  'admin',
  '',
  'read_sayhello ',
  'Read_sayhello',
  'é',
);
const paths = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('/sayhello', '/saysecret') },
  { weight: 1, arbitrary: fc.constantFrom('/', '/SayHello', '/sayhello/', '/orders/7', '/orders/%2F') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
);
const methods = fc.oneof(
  { weight: 6, arbitrary: fc.constant('GET') },
  { weight: 1, arbitrary: fc.constantFrom('HEAD', 'POST', 'get', '', 'GET ') },
);

/** Any text, half surrogate pairs and NUL included. */
const anyText = fc.array(fc.nat(0xffff), { maxLength: 12 }).map((units) => String.fromCharCode(...units));

/** JSON that no serializer writes: each of these is one member of a payload or header. */
const oddMembers = fc.oneof(
  fc.constantFrom(
    '"scp":["read_sayhello"]', // a duplicate member, as is likely
    '"scp":"read_sayhello"',
    '"scp":[["read_sayhello"]]',
    '"scp":{"0":"read_sayhello"}',
    '"scp":null',
    '"s\\u0063p":["read_saysecret"]',
    '"admin":true',
    '"admin":false',
    '"admin":1',
    '"admin":1.0',
    '"sub":"\\u0000"',
    '"sub":"\\ud83d\\ude00"',
    '"sub":"\\ud83d"',
    '"sub":"\\ude00\\ud83d"',
    '"sub":"\\\\ud800"',
    '"sub":"\u2028"',
    '"sub":""',
    '"sub":7',
    '"scope":"a b"',
    '"scope":"a  b"',
    '"scope":"\\"',
    '"scope":[]',
    '"__proto__":{"scp":["read_sayhello"]}',
    '"":""',
    '"enc":"A256GCM"',
    '"enc":null',
    '"cty":"JWT"',
    '"cty":"jwt"',
    '"n":01',
    '"n":1.',
    '"n":+1',
    '"n":NaN',
    '"n":-0',
    "'n':1",
    '"n":1,',
    '"n":tru',
    '"tab":"\t"',
  ),
  numbers().map((number) => `"n":${number}`),
  fc.integer({ min: 1, max: 990 }).map((depth) => `"d":${'['.repeat(depth)}${']'.repeat(depth)}`),
  fc.json({ maxDepth: 3 }).map((value) => `"x":${value}`),
  anyText.map((text) => `"sub":${JSON.stringify(text)}`),
  anyText.map((text) => `"sub":"${text}"`),
);

function numbers(): Arbitrary<string> {
  const exponent = fc.oneof(
    fc.integer({ min: -400, max: 400 }),
    fc.constantFrom(
      24_999,
      25_000,
      25_001,
      30_101,
      30_104,
      99_999,
      1e6,
      -30_102,
      -30_105,
      -1e6,
      -999_999_999,
      -3_000_000_000,
    ),
  );
  const digits = fc.stringMatching(/^[1-9][0-9]{0,40}$/);
  return fc.oneof(
    digits,
    fc.tuple(digits, exponent).map(([number, power]) => `${number}e${power}`),
    fc.tuple(digits, digits, exponent).map(([whole, part, power]) => `-${whole}.${part}E${power}`),
    fc.constantFrom(
      '9007199254740993',
      '1.50',
      '0e99999999',
      '0.0E-7',
      '1e+5',
      '123456789012345678901234567890.5',
    ),
  );
}

const goodMembers = fc
  .record(
    {
      scp: fc.array(scopes, { maxLength: 3 }),
      admin: fc.boolean(),
      sub: fc.string({ unit: 'grapheme' }),
      // A policy that answers with it decides nothing without.
      scope: fc.constantFrom('read_sayhello', 'a b', ''),
    },
    { requiredKeys: ['scp', 'admin', 'sub'] },
  )
  .map((claims) => JSON.stringify(claims).slice(1, -1));

const payloads: Arbitrary<Uint8Array> = fc.oneof(
  { weight: 5, arbitrary: goodMembers.map((members) => Buffer.from(`{${members}}`)) },
  { weight: 5, arbitrary: membersWith(goodMembers) },
  { weight: 1, arbitrary: membersWith(goodMembers).chain(withStrayBytes) },
  { weight: 1, arbitrary: fc.json().map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }) },
);

const headers: Arbitrary<Uint8Array> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('{}', '{"alg":"RS256","kid":"k"}', ' {"alg" : "none"}\n').map(bytesOf),
  },
  { weight: 1, arbitrary: membersWith(fc.constant('"alg":"RS256"')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('[]', 'null', '', '"{}"', '\ufeff{}', '{}{}', '{} ,').map(bytesOf),
  },
);

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text);
}

function membersWith(good: Arbitrary<string>): Arbitrary<Uint8Array> {
  const odd = fc.array(oddMembers, { minLength: 1, maxLength: 3 });
  return fc.tuple(good, odd, fc.boolean()).map(([members, more, atEnd]) => {
    const all = atEnd ? [members, ...more] : [...more, members];
    return Buffer.from(`{${all.join(',')}}`);
  });
}

/** Puts bytes that are no UTF-8 into a text. */
function withStrayBytes(text: Uint8Array): Arbitrary<Uint8Array> {
  const stray = fc.constantFrom(
    [0xff],
    [0xe2, 0x82],
    [0xf0, 0x9f, 0x98],
    [0xed, 0xa0, 0x80],
    [0xc0, 0xaf],
    [0x80],
  );
  return fc.tuple(stray, fc.nat(text.length)).map(([bytes, at]) => {
    return Buffer.concat([text.subarray(0, at), Buffer.from(bytes), text.subarray(at)]);
  });
}

/** A segment as it is, or spelled in a way that some decoders let pass. */
function segment(bytes: Arbitrary<Uint8Array>): Arbitrary<string> {
  const spell = fc.oneof(
    { weight: 12, arbitrary: fc.constant((text: string) => text) },
    { weight: 1, arbitrary: fc.constantFrom(...oddSpellings) },
  );
  return fc
    .tuple(bytes, spell)
    .map(([content, spelled]) => spelled(Buffer.from(content).toString('base64url')));
}

const oddSpellings: readonly ((text: string) => string)[] = [
  (text) => text + '='.repeat((4 - (text.length % 4)) % 4),
  (text) => `${text}=`,
  (text) => `${text}\n`,
  (text) => `${text.slice(0, 4)}\r\n${text.slice(4)}`,
  (text) => `${text.slice(0, 4)}\n\n\n\n${text.slice(4)}`,
  (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
  (text) => text.slice(0, -1),
  (text) => `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`,
  (text) => `${text}A`,
  (text) => ` ${text}`,
  (text) => `${text}é`,
  () => '',
];

const signatures = fc.uint8Array({ maxLength: 12 });

const compactTokens = fc
  .tuple(segment(headers), segment(payloads), segment(signatures))
  .map((segments) => segments.join('.'));

const nestedTokens = fc.tuple(compactTokens, fc.constantFrom('"', "'", '', '"\'')).map(([inner, quote]) => {
  const header = Buffer.from('{"cty":"JWT"}').toString('base64url');
  return `${header}.${Buffer.from(quote + inner + quote).toString('base64url')}.AA`;
});

export const tokenTexts: Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: compactTokens },
  { weight: 1, arbitrary: nestedTokens },
  { weight: 1, arbitrary: compactTokens.map((token) => `${token}.AA`) },
  { weight: 1, arbitrary: anyText },
);

const principals = fc.record({
  sub: anyText,
  cid: fc.option(fc.string(), { nil: null }),
  uid: fc.option(fc.string(), { nil: null }),
  scopes: fc.array(scopes, { maxLength: 4 }),
  claims: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 }),
  validation: fc.constantFrom('local', 'remote', 'both'),
}) as Arbitrary<VerifiedToken['principal']>;

const requests = fc.record({
  method: methods,
  api: paths,
  route: paths,
  params: fc.dictionary(fc.string(), anyText, { maxKeys: 2 }),
});

export const generatedRequests: Arbitrary<GeneratedRequest> = fc
  .tuple(requests, tokenTexts, principals)
  .map(([request, tokenValue, principal]) => ({
    request: { ...request, tokenValue },
    token: { principal, tokenHash: '', jti: null, expiresAt: 0 },
  }));
