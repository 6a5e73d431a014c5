import { beforeAll, describe, expect, it, vi } from 'vitest';
import { get } from '../support/api-client.js';
import type { Fault } from './support/faults.js';
import { observedApi } from './support/observed-api.js';
import { expectRecovery, expectRefusals, report, serverOf } from './support/outage.js';
import type { Outage } from './support/outage.js';

const keys: Outage = { upstream: 'okta_keys', code: 'authentication_unavailable' };
const introspection: Outage = { upstream: 'okta_introspection', code: 'authentication_unavailable' };
const opa: Outage = { upstream: 'opa', code: 'authorization_unavailable' };

const hugeBody: Fault = { fault: 'huge body', how: 'huge body', failure: 'oversized' };
const gzipBomb: Fault = { fault: 'gzip bomb', how: 'gzip bomb', failure: 'misshapen' };

const crowd = 50;
const rounds = 3;

/**
 * What the process may grow by at its peak. Fifty answers at their bound (256 KB for a key set, 64 KB otherwise), with as
 * much again in socket buffers, are 32 MiB at most; the same again for the heap's slack between two collections. One
 * single body that was read whole, or unpacked, would be 200.
 */
const growthMiB = 64;

const onLinux = process.platform === 'linux';
if (!onLinux) it.skip('skipped: the memory of an API (its figures come from the /proc of Linux)');

describe.runIf(onLinux)('the memory of an API', () => {
  const observed = observedApi({ OKTA_VALIDATION: 'both' }, ({ okta }) => okta.misbehave('status 500'));
  let tokens: readonly string[];
  let ownDescriptors: number;

  /** What is open in the API but for its connections to Okta and OPA, which keep as many as they once needed. */
  const descriptors = (): number => {
    const { figures, world } = observed();
    return figures.openDescriptors() - world.okta.openSockets - world.opa.openSockets;
  };

  /** Every token once, all at the same time; nobody waits for a call that somebody else makes. */
  const askAll = () => Promise.all(tokens.map((token) => get(observed().api.port, '/sayhello', token)));

  beforeAll(async () => {
    tokens = await Promise.all(Array.from({ length: crowd }, () => observed().world.token()));
    // Nothing is kept of a call that failed, and Okta failed from the start.
    await vi.waitFor(() => {
      expect(observed().world.okta.openSockets).toBe(0);
    });
    ownDescriptors = descriptors();
    // The code is warm and the heap has its size before anything is measured.
    for (let round = 0; round < 10; round++) await askAll();
  });

  it.for([
    { of: 'the key set, never fetched', outage: keys, fault: hugeBody },
    { of: 'the key set, never fetched', outage: keys, fault: gzipBomb },
    { of: 'introspection', outage: introspection, fault: hugeBody },
    { of: 'introspection', outage: introspection, fault: gzipBomb },
    { of: 'OPA', outage: opa, fault: hugeBody },
    { of: 'OPA', outage: opa, fault: gzipBomb },
  ])('$of, $fault.how: bounded under 50 requests at once, no socket left behind', async (row, { task }) => {
    const { figures, world } = observed();
    if (row.outage !== keys) {
      await world.opa.misbehave('well');
      await expectRecovery(observed(), introspection, tokens[0] ?? '');
      await askAll();
    }
    const resident = figures.residentMiB();
    const kept = serverOf(observed(), row.outage).openSockets;
    figures.forgetPeak();
    await expectRefusals(observed(), row.outage, row.fault, tokens[0] ?? '');
    for (let round = 0; round < rounds; round++) {
      const statuses = (await askAll()).map(({ status }) => status);
      expect(statuses).toEqual(statuses.map(() => 503));
    }
    const peak = figures.peakMiB();
    report(task, { resident, peak, residentAfter: figures.residentMiB() });
    expect(peak - resident).toBeLessThan(growthMiB);
    await vi.waitFor(
      () => {
        expect(serverOf(observed(), row.outage).openSockets).toBeLessThanOrEqual(kept);
        expect(descriptors()).toBeLessThanOrEqual(ownDescriptors);
      },
      { timeout: 5000 },
    );
  });
});
