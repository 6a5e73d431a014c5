import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.js';
import {
  claimChecks,
  claimObjection,
  clockSkewSeconds,
  headerObjection,
  unreadableClaims,
} from '../../src/token/checks.js';
import type { Expectation } from '../../src/token/checks.js';
import {
  machineClaims,
  testAudience,
  testClientId,
  testIssuer,
  testNow,
  userClaims,
} from '../support/tokens.js';
import type { Claims } from '../support/tokens.js';

const now = testNow / 1000;
const long = 'a'.repeat(1025);

const expected: Expectation = {
  issuer: testIssuer,
  audience: testAudience,
  clients: new Set([testClientId, '0oaSecondClient']),
};

/** The code of the first objection; undefined when there is none. A claim set to undefined is absent. */
function codeOf(changes: Claims, expectation = expected): string | undefined {
  const claims = JSON.parse(JSON.stringify(machineClaims(changes))) as JsonObject;
  return claimObjection(claims, expectation, now)?.code;
}

interface Row {
  readonly claim: string;
  readonly accepted?: readonly unknown[];
  readonly refused: Readonly<Record<string, readonly unknown[]>>;
}

const notTexts = [null, 1, true, '', [], {}, [testClientId], long];

/** Each claim with the values that pass and, by code, those that do not; undefined = the claim is absent. */
const table: readonly Row[] = [
  {
    claim: 'iss',
    refused: {
      invalid_claim: [undefined, null, 1, [testIssuer], { iss: testIssuer }],
      wrong_issuer: [
        '',
        `${testIssuer}/`,
        testIssuer.toUpperCase(),
        testIssuer.slice(0, -1),
        ` ${testIssuer}`,
      ],
    },
  },
  {
    claim: 'aud',
    accepted: [[testAudience], ['x', testAudience]],
    refused: {
      invalid_claim: [undefined, null, 1, {}, [], [testAudience, 1], [[testAudience]]],
      wrong_audience: ['', 'api://', `${testAudience}/`, ['api://default2'], ['api', '://default']],
    },
  },
  {
    claim: 'exp',
    accepted: [now + 1, now + 0.5, Number.MAX_SAFE_INTEGER, 1e300],
    refused: {
      invalid_claim: [undefined, null, String(now + 60), true, [], {}, [now + 60]],
      expired: [now, now - 1, now - 0.5, 0, -1, -1e300],
    },
  },
  {
    claim: 'iat',
    accepted: [now, now + clockSkewSeconds, now - 86_400 * 365, 0, now + 0.5],
    refused: {
      invalid_claim: [undefined, null, String(now), true, [], {}],
      not_yet_valid: [now + clockSkewSeconds + 1, 1e300],
    },
  },
  {
    claim: 'nbf',
    accepted: [undefined, now, now - 1, 0],
    refused: { invalid_claim: [null, String(now), true, [], {}], not_yet_valid: [now + 1, 1e300] },
  },
  {
    claim: 'sub',
    accepted: ['x', '名前', 'a'.repeat(1024)],
    refused: { invalid_claim: [undefined, ...notTexts] },
  },
  {
    claim: 'cid',
    accepted: ['0oaSecondClient'],
    refused: {
      invalid_claim: [undefined, ...notTexts],
      wrong_client: ['0oa', `${testClientId}x`, testClientId.toLowerCase(), '*', 'any', '__proto__'],
    },
  },
  { claim: 'uid', accepted: [undefined, '00u1'], refused: { invalid_claim: notTexts } },
  { claim: 'jti', accepted: [undefined, 'AT.1'], refused: { invalid_claim: notTexts } },
  {
    claim: 'scp',
    accepted: [undefined, [], ['a', 'b:c/d'], ['!#[]~'], Array.from({ length: 500 }, (_, n) => `s${n}`)],
    refused: {
      invalid_claim: [
        ...[null, 'read_sayhello', 'read write', 1, {}, { 0: 'read' }],
        ...[['a', 1], ['a b'], [''], ['a"b'], ['a\\b'], ['a\n'], ['ä'], [['a']], ['a'.repeat(257)]],
      ],
    },
  },
];

const acceptedRows = table.flatMap(({ claim, accepted = [] }) => accepted.map((value) => ({ claim, value })));
const refusedRows = table.flatMap(({ claim, refused }) =>
  Object.entries(refused).flatMap(([code, values]) => values.map((value) => ({ claim, value, code }))),
);

describe('the checks of claims', () => {
  it('have nothing against the tokens that Okta makes', () => {
    expect(codeOf({})).toBeUndefined();
    expect(codeOf(userClaims())).toBeUndefined();
  });

  it('are each in the table of this test', () => {
    expect([...table.map(({ claim }) => claim), 'claim names']).toEqual(claimChecks.map(({ name }) => name));
  });

  it.each(unreadableClaims)('refuse a claim named %s', (name) => {
    expect(codeOf({ [name]: 'x' })).toBe('invalid_claim');
  });

  it.each(acceptedRows)('accept $claim = $value', ({ claim, value }) => {
    expect(codeOf({ [claim]: value })).toBeUndefined();
  });

  it.each(refusedRows)('refuse $claim = $value as $code', ({ claim, value, code }) => {
    expect(codeOf({ [claim]: value })).toBe(code);
  });

  it('are made in order, and the first objection is the one that is told', () => {
    const [wrongIssuer, wrongAudience, expired] = [{ iss: 'x' }, { aud: 'x' }, { exp: 0 }];
    expect(codeOf({ ...expired, ...wrongAudience, ...wrongIssuer })).toBe('wrong_issuer');
    expect(codeOf({ ...expired, ...wrongAudience })).toBe('wrong_audience');
    expect(codeOf({ ...expired, cid: 'x' })).toBe('expired');
  });

  it('let any client in where any is allowed, but never none', () => {
    const any: Expectation = { ...expected, clients: 'any' };
    expect(codeOf({ cid: '0oaWhoever' }, any)).toBeUndefined();
    expect(codeOf({ cid: undefined }, any)).toBe('invalid_claim');
    expect(codeOf({ cid: '' }, any)).toBe('invalid_claim');
  });

  it('repeat nothing of the token in their reasons', () => {
    const mark = 'c2VjcmV0';
    const reasons = table.map(({ claim }) => {
      const claims = machineClaims({ [claim]: [mark] }) as JsonObject;
      return claimObjection(claims, expected, now)?.reason;
    });
    expect(reasons.join()).not.toContain(mark);
  });
});

describe('the checks of the header', () => {
  const good = { alg: 'RS256', kid: 'k1' };

  it.each([
    good,
    { ...good, typ: 'JWT' },
    { ...good, typ: 'jwt' },
    { ...good, typ: 'at+jwt' },
    { ...good, typ: 'AT+JWT' },
    { ...good, typ: 'application/at+jwt' },
  ])('accept %j', (header) => {
    expect(headerObjection(header)).toBeUndefined();
  });

  const otherAlgorithms = [
    'none',
    'None',
    'HS256',
    'RS384',
    'RS512',
    'PS256',
    'ES256',
    'EdDSA',
    'rs256',
    'RS256 ',
  ];
  const otherTypes = [
    'id+jwt',
    'dpop+jwt',
    'logout+jwt',
    'secevent+jwt',
    'JOSE',
    'application/jwt',
    '',
    'jwt ',
  ];
  const strangers = [
    'jku',
    'jwk',
    'x5u',
    'x5c',
    'x5t',
    'x5t#S256',
    'crit',
    'b64',
    'cty',
    'zip',
    'p2c',
    'Kid',
    '',
  ];

  it.each([
    {},
    { kid: 'k1' },
    { alg: 'RS256' },
    ...otherAlgorithms.map((alg) => ({ ...good, alg })),
    ...[null, 1, ['RS256'], { RS256: 1 }].map((alg) => ({ ...good, alg })),
    ...[null, 1, '', ['k1'], { k1: 1 }, long].map((kid) => ({ ...good, kid })),
    ...otherTypes.map((typ) => ({ ...good, typ })),
    ...[null, 1, ['JWT']].map((typ) => ({ ...good, typ })),
    ...strangers.map((name) => ({ ...good, [name]: 'x' })),
    { ...good, crit: [] },
    { ...good, b64: true },
  ] as JsonObject[])('refuse %j', (header) => {
    expect(headerObjection(header)?.code).toBe('unsupported');
  });
});
