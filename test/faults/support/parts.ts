import { expect, it } from 'vitest';
import { json } from '../../support/api-client.js';
import { testClientSecret } from '../../support/okta-stand-in.js';
import { restForAnHour } from './faults.js';
import type { Fault } from './faults.js';
import type { ObservedApi } from './observed-api.js';
import { expectRecovery, expectRefusals, misbehave, report } from './outage.js';
import type { Outage } from './outage.js';

/** What the tests of one process share: they run in the order of their declaration. */
export interface Suite {
  readonly observed: () => ObservedApi;
  readonly token: () => string;
}

/** One fault after the other, with no good answer in between. */
export function refusesThroughout(
  { observed, token }: Suite,
  outage: Outage,
  faults: readonly Fault[],
): void {
  it.for(faults)(`$fault: 503 in time, counted as $failure, never ready`, async (fault, { task }) => {
    const refusedMs = await expectRefusals(observed(), outage, fault, token());
    expect(await observed().readiness()).toMatchObject({ status: 503 });
    report(task, { refusedMs });
  });
}

/** One fault after the other, each followed by the upstream's return. */
export function refusesAndRecovers(
  { observed, token }: Suite,
  outage: Outage,
  faults: readonly Fault[],
): void {
  it.for(faults)(`$fault: 503 in time, counted as $failure, and well at once`, async (fault, { task }) => {
    const refusedMs = await expectRefusals(observed(), outage, fault, token());
    const recoveredMs = await expectRecovery(observed(), outage, token());
    report(task, { refusedMs, recoveredMs });
  });
}

/** The last and longest back-off, and then the return. */
export function recoversInTime({ observed, token }: Suite, outage: Outage): void {
  it('after every back-off was at its longest, the first 200 comes within 5 s, and readiness with it', async ({
    task,
  }) => {
    const refusedMs = await expectRefusals(observed(), outage, restForAnHour, token());
    const recoveredMs = await expectRecovery(observed(), outage, token());
    await observed().untilReadiness(200);
    report(task, { refusedMs, recoveredMs });
  });
}

/** What `/health/ready` says about an upstream that comes and goes. */
export function tellsTheTruth({ observed }: Suite, outage: Outage, check: string): void {
  it.each(['silent', 'status 500'] as const)(
    'while it is "%s" the process is not ready, and says why',
    async (how) => {
      await misbehave(observed(), outage, how);
      const { checks } = json(await observed().untilReadiness(503)) as {
        checks: { name: string; status: string }[];
      };
      expect(checks.filter(({ status }) => status === 'down').map(({ name }) => name)).toEqual([check]);
      await misbehave(observed(), outage, 'well');
      await observed().untilReadiness(200);
    },
  );
}

/** The same process from the first fault to the last, which wrote down no secret, and which ends as it is told. */
export function outlivesItAll({ observed, token }: Suite): void {
  it('the process lives, has told no secret, and stops when it is told to', async () => {
    const { api } = observed();
    expect([api.process.exitCode, api.process.signalCode]).toEqual([null, null]);
    expect((await observed().ask(token())).status).toBe(200);
    api.process.kill('SIGTERM');
    expect(await api.ended).toBe(0);
    const written = api.output.stdout + api.output.stderr;
    for (const secret of [token(), testClientSecret]) expect(written).not.toContain(secret);
  });
}
