import { once } from 'node:events';
import { linkSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { sendJson, startMisbehavingServer } from '../support/misbehaving-server.js';
import type { MisbehavingServer } from '../support/misbehaving-server.js';
import { usualFaults } from './support/faults.js';
import { observedApi, patientWithOkta } from './support/observed-api.js';
import { expectRecovery, expectRefusals, report } from './support/outage.js';
import type { Outage } from './support/outage.js';
import {
  outlivesItAll,
  recoversInTime,
  refusesAndRecovers,
  refusesThroughout,
  tellsTheTruth,
} from './support/parts.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('an API whose OPA fails behind a Unix socket', () => {
  const { path: folder, remove } = temporaryFolder();
  const socketPath = join(folder, 'opa.sock');
  let server: MisbehavingServer;
  const outage: Outage = { upstream: 'opa', code: 'authorization_unavailable', server: () => server };

  beforeAll(async () => {
    server = await startMisbehavingServer((_, response) => {
      sendJson(response, 200, { result: { allow: true } });
    }, socketPath);
    await server.misbehave('silent');
  });
  afterAll(async () => {
    await server.close();
    remove();
  });
  const observed = observedApi({
    ...patientWithOkta,
    OPA_AUTHZ_URL: `unix://${socketPath}:/v1/data/demoapi/authz/allow`,
  });
  let token: string;
  beforeAll(async () => {
    token = await observed().world.token();
  });
  const suite = { observed, token: () => token };

  describe('from the start', () => {
    refusesThroughout(suite, outage, usualFaults);
    recoversInTime(suite, outage);
  });

  describe('after it had answered', () => {
    refusesAndRecovers(suite, outage, usualFaults);

    it('a socket that was left behind by a process that is gone: 503 in time, and well at once', async ({
      task,
    }) => {
      await server.misbehave('refused');
      await leaveSocketBehind(socketPath);
      const nobody = { ...outage, server: () => ({ misbehave: () => Promise.resolve() }) };
      const fault = { fault: 'left behind', how: 'refused', failure: 'unreachable' } as const;
      const refusedMs = await expectRefusals(observed(), nobody, fault, token);
      rmSync(socketPath);
      report(task, { refusedMs, recoveredMs: await expectRecovery(observed(), outage, token) });
    });

    tellsTheTruth(suite, outage, 'policy');
    outlivesItAll(suite);
  });
});

/** Node removes the socket of a server that it closes, by its path; under another name it stays. */
async function leaveSocketBehind(path: string): Promise<void> {
  const server = createServer().listen(`${path}.2`);
  await once(server, 'listening');
  linkSync(`${path}.2`, path);
  server.close();
  await once(server, 'close');
}
