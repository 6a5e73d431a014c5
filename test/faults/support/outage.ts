import type { RunnerTestCase } from 'vitest';
import { expect, vi } from 'vitest';
import { json } from '../../support/api-client.js';
import type { MisbehavingServer } from '../../support/misbehaving-server.js';
import type { Fault } from './faults.js';
import { deadlineMs } from './observed-api.js';
import type { ObservedApi, TimedAnswer, UpstreamName } from './observed-api.js';

/** The issue allows so much beyond the deadline of the call. */
const graceMs = 100;
const recoveryMs = 5000;

declare module 'vitest' {
  interface TaskMeta {
    /** What a fault test measured; the runner's JSON report holds it. */
    figures?: Readonly<Record<string, number>>;
  }
}

/** Hands figures to the runner's report. */
export function report(task: Readonly<RunnerTestCase>, figures: Readonly<Record<string, number>>): void {
  task.meta.figures = { ...task.meta.figures, ...figures };
}

/** An upstream of an API under observation, and what a request is told while it fails. */
export interface Outage {
  readonly upstream: UpstreamName;
  readonly code: 'authentication_unavailable' | 'authorization_unavailable';
  /** What plays the upstream, where it is not the world's Okta or OPA. */
  readonly server?: () => Pick<MisbehavingServer, 'misbehave'>;
}

/** The world's server that plays an upstream. */
export function serverOf({ world }: ObservedApi, { upstream }: Outage): MisbehavingServer {
  return upstream === 'opa' ? world.opa : world.okta;
}

/** From now on. */
export async function misbehave(
  observed: ObservedApi,
  outage: Outage,
  how: Fault['how'] | 'well',
): Promise<void> {
  await (outage.server?.() ?? serverOf(observed, outage)).misbehave(how);
}

/** A 503 that says when to ask again, in time. */
export function expectUnavailable(answer: TimedAnswer, { code }: Outage): void {
  expect(answer).toMatchObject({
    status: 503,
    headers: { 'retry-after': expect.stringMatching(/^\d{1,4}$/) as string },
  });
  expect(json(answer)).toMatchObject({ code });
  // The machine is not the API: what it withheld is no delay of the API's making.
  expect(answer.tookMs).toBeLessThanOrEqual(deadlineMs + graceMs + answer.starvedMs);
}

/**
 * Lets the upstream fail and asks until a call to it failed in that very way: there are cool-downs between calls for the
 * key set. Not one answer may be anything but a 503 in time.
 *
 * @returns the longest that an answer took, in milliseconds
 */
export async function expectRefusals(
  observed: ObservedApi,
  outage: Outage,
  { how, failure }: Fault,
  token: string,
): Promise<number> {
  const count = () => observed.failures(outage.upstream, failure);
  const before = await count();
  const answers: TimedAnswer[] = [];
  await misbehave(observed, outage, how);
  await vi.waitFor(
    async () => {
      answers.push(await observed.ask(token));
      expect(await count(), `${outage.upstream} fails as ${failure}`).toBeGreaterThan(before);
    },
    { timeout: 15_000, interval: 50 },
  );
  for (const answer of answers) expectUnavailable(answer, outage);
  return Math.max(...answers.map(({ tookMs }) => tookMs));
}

/**
 * Lets the upstream return and asks until the token is let in; nothing but 503 may come before.
 *
 * @returns the time until then, in milliseconds
 */
export async function expectRecovery(observed: ObservedApi, outage: Outage, token: string): Promise<number> {
  const statuses = new Set<number>();
  const startedAt = performance.now();
  await misbehave(observed, outage, 'well');
  await vi.waitFor(
    async () => {
      const { status } = await observed.ask(token);
      statuses.add(status);
      expect(status).toBe(200);
    },
    { timeout: recoveryMs, interval: 20 },
  );
  const tookMs = performance.now() - startedAt;
  expect([503, 200]).toEqual(expect.arrayContaining([...statuses]));
  return tookMs;
}
