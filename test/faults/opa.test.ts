import { beforeAll, describe } from 'vitest';
import { protocolFaults, usualFaults } from './support/faults.js';
import { observedApi, patientWithOkta } from './support/observed-api.js';
import type { Outage } from './support/outage.js';
import {
  outlivesItAll,
  recoversInTime,
  refusesAndRecovers,
  refusesThroughout,
  tellsTheTruth,
} from './support/parts.js';

const outage: Outage = { upstream: 'opa', code: 'authorization_unavailable' };
const faults = [...usualFaults, ...protocolFaults];

describe('an API whose OPA fails', () => {
  const observed = observedApi(patientWithOkta, ({ opa }) => opa.misbehave('silent'));
  let token: string;
  beforeAll(async () => {
    token = await observed().world.token();
  });
  const suite = { observed, token: () => token };

  describe('from the start', () => {
    refusesThroughout(suite, outage, faults);
    recoversInTime(suite, outage);
  });

  describe('after it had answered', () => {
    refusesAndRecovers(suite, outage, faults);
    tellsTheTruth(suite, outage, 'policy');
    outlivesItAll(suite);
  });
});
