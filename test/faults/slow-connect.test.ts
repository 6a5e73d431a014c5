import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeafServer } from './support/deaf-server.js';
import type { Fault } from './support/faults.js';
import { observedApi, patientWithOkta } from './support/observed-api.js';
import { expectRecovery, expectRefusals, report } from './support/outage.js';
import type { Outage } from './support/outage.js';

const fullBacklog: Fault = { fault: 'a full backlog', how: 'silent', failure: 'timeout' };

describe('an API whose OPA takes no connections', () => {
  const server = new DeafServer();
  const outage: Outage = { upstream: 'opa', code: 'authorization_unavailable', server: () => server };
  let token: string;

  beforeAll(async () => {
    await server.listen();
    await server.misbehave(fullBacklog.how);
  });
  afterAll(() => server.close());
  const observed = observedApi(() => ({
    ...patientWithOkta,
    OPA_AUTHZ_URL: `http://127.0.0.1:${server.port}/v1/data/demoapi/authz/allow`,
  }));
  beforeAll(async () => {
    token = await observed().world.token();
  });

  it.for(['from the start', 'after it had answered'])(
    '%s: 503 in time, and well at once',
    async (_, { task }) => {
      const refusedMs = await expectRefusals(observed(), outage, fullBacklog, token);
      // Connections of before may have been there for the first request; for the second there are none.
      const refusedAgainMs = await expectRefusals(observed(), outage, fullBacklog, token);
      expect(server.waitingConnections()).toBeGreaterThan(0);
      const recoveredMs = await expectRecovery(observed(), outage, token);
      report(task, { refusedMs: Math.max(refusedMs, refusedAgainMs), recoveredMs });
    },
  );
});
