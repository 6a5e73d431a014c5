import { beforeAll, describe, expect, it, vi } from 'vitest';
import { keySetOf, machineClaims, makeKey, mint } from '../support/tokens.js';
import { protocolFaults, usualFaults } from './support/faults.js';
import { observedApi, patientWithOpa } from './support/observed-api.js';
import { expectRefusals, report } from './support/outage.js';
import type { Outage } from './support/outage.js';
import { outlivesItAll, recoversInTime, refusesThroughout } from './support/parts.js';

const outage: Outage = { upstream: 'okta_keys', code: 'authentication_unavailable' };

describe('an API whose Okta fails, in local mode', () => {
  const observed = observedApi(patientWithOpa, ({ okta }) => okta.misbehave('silent'));
  let token: string;
  beforeAll(async () => {
    token = await observed().world.token();
  });
  const suite = { observed, token: () => token };

  describe('from the start', () => {
    refusesThroughout(suite, outage, [...usualFaults, ...protocolFaults]);
    recoversInTime(suite, outage);
  });

  describe('after it had answered', () => {
    const rotatedKey = makeKey('rotated');
    let ofRotatedKey: string;
    beforeAll(async () => {
      ofRotatedKey = await mint(rotatedKey, machineClaims({ iss: observed().world.okta.issuer }));
    });

    // For 5 seconds a key set is as good as new: what it does not hold is unknown. Then nobody can tell any more.
    it('refuses a token of an unknown key by 401 while the keys are fresh, and by 503 once they are not', async () => {
      const statuses: number[] = [];
      await observed().world.okta.misbehave('status 500');
      const untilUnavailable = async (): Promise<void> => {
        statuses.push((await observed().ask(ofRotatedKey)).status);
        expect(statuses.at(-1)).toBe(503);
      };
      await vi.waitFor(untilUnavailable, { timeout: 7000, interval: 100 });
      expect([...new Set(statuses)]).toEqual([401, 503]);
    });

    it.for(usualFaults)(
      '$fault: known keys let old and new tokens in, unknown ones get 503 in time',
      async (fault, { task }) => {
        const refusedMs = await expectRefusals(observed(), outage, fault, ofRotatedKey);
        const served = [await observed().ask(token), await observed().ask(await observed().world.token())];
        expect(served).toMatchObject([{ status: 200 }, { status: 200 }]);
        expect(await observed().readiness()).toMatchObject({ status: 200 });
        report(task, { refusedMs, servedMs: Math.max(...served.map(({ tookMs }) => tookMs)) });
      },
    );

    describe('and then publishes another key', () => {
      beforeAll(() => {
        observed().world.okta.publish(keySetOf(observed().world.key, rotatedKey));
      });
      recoversInTime({ observed, token: () => ofRotatedKey }, outage);
    });

    outlivesItAll(suite);
  });
});
