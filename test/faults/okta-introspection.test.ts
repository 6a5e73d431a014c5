import { beforeAll, describe } from 'vitest';
import { protocolFaults, usualFaults } from './support/faults.js';
import { observedApi, patientWithOpa } from './support/observed-api.js';
import type { Outage } from './support/outage.js';
import {
  outlivesItAll,
  recoversInTime,
  refusesAndRecovers,
  refusesThroughout,
  tellsTheTruth,
} from './support/parts.js';

const introspection: Outage = { upstream: 'okta_introspection', code: 'authentication_unavailable' };
const keySet: Outage = { upstream: 'okta_keys', code: 'authentication_unavailable' };

describe.each([
  // What is asked first is what fails while nothing was ever answered.
  { validation: 'remote', first: introspection, faults: [...usualFaults, ...protocolFaults] },
  { validation: 'both', first: keySet, faults: usualFaults },
])('an API whose Okta fails, in $validation mode', ({ validation, first, faults }) => {
  const observed = observedApi({ ...patientWithOpa, OKTA_VALIDATION: validation }, ({ okta }) =>
    okta.misbehave('silent'),
  );
  let token: string;
  beforeAll(async () => {
    token = await observed().world.token();
  });
  const suite = { observed, token: () => token };

  describe('from the start', () => {
    refusesThroughout(suite, first, faults);
    recoversInTime(suite, first);
  });

  describe('after it had answered', () => {
    refusesAndRecovers(suite, introspection, faults);
    tellsTheTruth(suite, introspection, 'introspection');
    outlivesItAll(suite);
  });
});
