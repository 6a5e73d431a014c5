import fc from 'fast-check';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  headerText,
  keySetOf,
  machineClaims,
  makeKey,
  mintText,
  testAudience,
  testClientId,
  testIssuer,
  testNow,
} from '../support/tokens.js';
import type { Claims } from '../support/tokens.js';
import { startOktaParts } from './support/okta-parts.js';
import type { OktaParts } from './support/okta-parts.js';

const [published, alsoPublished, stranger] = [makeKey('k1'), makeKey('k2'), { ...makeKey('x'), kid: 'k1' }];
const keySet = createLocalJWKSet({ keys: [published.published, alsoPublished.published] });
const now = testNow / 1000;

/** What jose says, told to look for the same things. */
async function joseAccepts(token: string): Promise<boolean> {
  const options = {
    algorithms: ['RS256'],
    issuer: testIssuer,
    audience: testAudience,
    requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub', 'cid'],
    currentDate: new Date(testNow),
  };
  return jwtVerify(token, keySet, options).then(
    ({ payload }) => payload.cid === testClientId,
    () => false,
  );
}

const oddValues = fc.constantFrom<unknown>(undefined, null, '', 0, -1, true, [], {}, 'x', ['x'], 1e300);

const claimChanges: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  iss: fc.oneof(fc.constant(testIssuer), oddValues, fc.constant(`${testIssuer}/`)),
  aud: fc.oneof(fc.constantFrom<unknown>(testAudience, ['x', testAudience], [testAudience, 1]), oddValues),
  exp: fc.oneof(fc.constantFrom<unknown>(4e9, now + 4e8, now, now - 1, String(4e9)), oddValues),
  iat: fc.oneof(fc.constantFrom<unknown>(now, now + 60, now + 61, String(now)), oddValues),
  nbf: fc.oneof(fc.constantFrom<unknown>(now, now + 1, String(now)), oddValues),
  sub: fc.oneof(fc.constant('someone'), oddValues),
  cid: fc.oneof(fc.constant(testClientId), oddValues),
  scp: fc.oneof(fc.constantFrom<unknown>(['a', 'b'], 'a b', ['a b']), oddValues),
  custom: fc.jsonValue({ maxDepth: 3 }),
};

const claims = fc
  .record(claimChanges, { requiredKeys: [] })
  .map((changes) => machineClaims(changes))
  // Half of the time one claim at most is changed, or nothing would ever pass.
  .chain((changed) =>
    fc.constantFrom<Claims>(changed, ...Object.keys(changed).map((name) => onlyChanged(changed, name))),
  );

const headerChanges = fc.constantFrom<Claims>(
  ...Array.from({ length: 12 }, () => ({})),
  ...[{ alg: 'none' }, { alg: 'HS256' }, { alg: 'RS512' }, { alg: undefined }],
  ...[{ kid: 'k2' }, { kid: 'k3' }, { kid: undefined }, { kid: ['k1'] }],
  ...[{ typ: 'JWT' }, { typ: 'at+jwt' }, { typ: 'dpop+jwt' }, { typ: 1 }],
  ...[{ crit: ['x'], x: 1 }, { crit: [] }, { b64: false }, { jwk: published.published }, { zip: 'DEF' }],
);

/** A change to the finished text: nothing most of the time, or a character put in, left out or replaced. */
const textChanges = fc.oneof(
  { weight: 3, arbitrary: fc.constant((token: string) => token) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(), fc.nat(1), fc.constantFrom('', 'A', 'Q', '.', '=', '-', '+', ' ', '\n', 'é'))
      .map(([at, removed, inserted]) => splice(at, removed, inserted)),
  },
);

const signers = fc.constantFrom(published, published, published, alsoPublished, stranger);

const tokens = fc
  .tuple(claims, headerChanges, signers, textChanges)
  .map(([payload, header, signer, change]) => {
    const fullHeader = JSON.stringify({ ...(JSON.parse(headerText(signer)) as Claims), ...header });
    return change(mintText(signer, fullHeader, JSON.stringify(payload)));
  });

function onlyChanged(changed: Claims, name: string): Claims {
  return machineClaims({ [name]: changed[name] });
}

function splice(at: number, removed: number, inserted: string): (token: string) => string {
  return (token) => {
    const index = at % token.length;
    return token.slice(0, index) + inserted + token.slice(index + removed);
  };
}

describe('a second opinion', () => {
  let parts: OktaParts;
  beforeAll(async () => {
    parts = await startOktaParts({ keySet: keySetOf(published, alsoPublished) });
  });
  afterAll(() => parts.close());

  it('of jose: it accepts whatever local validation accepts', async () => {
    let accepted = 0;
    let refusedByUsAlone = 0;
    await fc.assert(
      fc.asyncProperty(tokens, async (token) => {
        const [ours, theirs] = await Promise.all([parts.local.verify(token), joseAccepts(token)]);
        if (ours.ok) {
          accepted++;
          expect(theirs).toBe(true);
        } else if (theirs) refusedByUsAlone++;
      }),
      { numRuns: 4000 },
    );
    // The comparison is worth something only while tokens of every kind come up.
    expect(accepted).toBeGreaterThan(400);
    expect(refusedByUsAlone).toBeGreaterThan(40);
  });
});
