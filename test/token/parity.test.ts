import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenOutcome } from '../../src/token/refusals.js';
import type { TokenVerifier } from '../../src/token/token-verifier.js';
import { createTokenTable, verdictIn } from '../support/token-table.js';
import type { Verdict } from '../support/token-table.js';
import { keySetOf } from '../support/tokens.js';
import { startOktaParts } from './support/okta-parts.js';
import type { OktaParts } from './support/okta-parts.js';

const table = await createTokenTable();
function verdictOf(outcome: TokenOutcome): Verdict | 'unavailable' {
  if (outcome.ok) return 'accepted';
  return outcome.code === 'unavailable' ? 'unavailable' : 'refused';
}

describe.each(['local', 'remote', 'both'] as const)('in %s mode, a token', (mode) => {
  let parts: OktaParts;
  let verifier: TokenVerifier;

  beforeAll(async () => {
    parts = await startOktaParts({ keySet: keySetOf(table.key) });
    for (const { token, introspection } of table.rows) {
      if (introspection !== undefined) parts.okta.introspects(token, introspection);
    }
    verifier = parts.verifier(mode);
  });
  afterAll(() => parts.close());

  it.each(table.rows)('$note has the verdict of every mode, unless the row says why not', async (row) => {
    expect(verdictOf(await verifier.verify(row.token))).toBe(verdictIn(mode, row));
  });

  it.each(table.rows.filter((row) => verdictIn(mode, row) === 'accepted'))(
    '$note is of the same principal as in every mode, and nothing can change it',
    async (row) => {
      const outcome = await verifier.verify(row.token);
      if (!outcome.ok) throw new Error(outcome.reason);
      expect(outcome.value.principal).toEqual({ ...row.principal, validation: mode });
      expect(JSON.stringify(outcome.value)).not.toContain(row.token);
      expectFrozen(outcome.value);
    },
  );

  it('is sent to the issuer where the mode asks it, and in both mode only when it passed here', async () => {
    for (const { token } of table.rows) await verifier.verify(token);
    const isSent = new Set(parts.okta.introspected());
    const localVerifier = parts.verifier('local');
    for (const { token } of table.rows) {
      const passedHere = (await localVerifier.verify(token)).ok;
      expect(isSent.has(token)).toBe(mode === 'remote' || (mode === 'both' && passedHere));
    }
  });
});

describe('the table', () => {
  it('has few exceptions, each with its reason', () => {
    const exceptions = table.rows.flatMap(({ note, exception }) =>
      exception ? [[note, exception.mode]] : [],
    );
    expect(exceptions).toEqual([
      ['revoked', 'local'],
      ['without cid', 'remote'],
    ]);
  });
});

function expectFrozen(value: object): void {
  expect(Object.isFrozen(value)).toBe(true);
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) expectFrozen(member as object);
  }
}
