import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithVectors, readJsonFile } from '../support/vectors.js';
import { startOktaParts } from './support/okta-parts.js';
import type { OktaParts } from './support/okta-parts.js';
import { outboundSocketsDuring } from './support/outbound-sockets.js';

interface HostileToken {
  readonly id: string;
  readonly expect: 'accept' | 'reject' | 'reject-and-no-outbound' | 'no-pollution';
  readonly token: string;
}

/** The set is for verifiers that take EdDSA too; the API takes RS256 only. */
const acceptedElsewhere = new Set(['ed-valid']);

describeWithVectors('hostile tokens', 'hostile/jwt.json', (file) => {
  const vectors = readJsonFile(file) as { iss: string; aud: string; cases: HostileToken[] };
  const keySet = readJsonFile(join(dirname(file), 'jwks.json'));
  const cases = vectors.cases.map((row) => ({
    ...row,
    isAccepted: row.expect === 'accept' && !acceptedElsewhere.has(row.id),
  }));
  let parts: OktaParts;

  beforeAll(async () => {
    const expected = { issuer: vectors.iss, audience: vectors.aud, clients: new Set(['0oaclient']) };
    parts = await startOktaParts({ keySet, expected });
    await parts.keySet.refresh();
  });

  afterAll(() => parts.close());

  it('are ninety-two', () => {
    expect(cases).toHaveLength(92);
  });

  describe.each(['local', 'both'] as const)('in %s mode', (mode) => {
    it.each(cases.filter(({ isAccepted }) => isAccepted))(
      '$id passes the checks of the token',
      async ({ token }) => {
        parts.okta.introspects(token, { active: false });
        const outcome = await parts.verifier(mode).verify(token);
        expect(outcome.ok || outcome.code).toBe(mode === 'local' ? true : 'inactive');
      },
    );

    it.each(cases.filter(({ isAccepted }) => !isAccepted))('$id is refused', async ({ token }) => {
      // The issuer would stand by it: the refusal is ours.
      parts.okta.introspects(token, {
        active: true,
        iss: vectors.iss,
        aud: vectors.aud,
        exp: 4e9,
        sub: '0oaclient',
      });
      const outcome = await parts.verifier(mode).verify(token);
      expect(outcome).toMatchObject({ ok: false });
      expect(outcome.ok || outcome.code).not.toBe('unavailable');
      expect(parts.okta.introspected()).not.toContain(token);
    });
  });

  it.each(cases)('$id makes no connection and changes no prototype', async ({ token }) => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const verifier = parts.verifier('local');
    expect(await outboundSocketsDuring(async () => verifier.verify(token))).toBe(0);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect('groups' in {}).toBe(false);
  });

  it('all at once, three times, leave a process that still tells good from bad', async () => {
    const verifier = parts.verifier('local');
    const all = [...cases, ...cases, ...cases];
    const outcomes = await Promise.all(all.map(async ({ token }) => verifier.verify(token)));
    expect(outcomes.map(({ ok }) => ok)).toEqual(all.map(({ isAccepted }) => isAccepted));
  });
});
