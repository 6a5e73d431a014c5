import { afterAll, beforeAll, expect, vi } from 'vitest';
import { get } from '../../support/api-client.js';
import type { Answer } from '../../support/api-client.js';
import { endNow, listening, runMain } from '../../support/api-process.js';
import type { ListeningApi } from '../../support/api-process.js';
import { startApiWorld } from '../../support/api-world.js';
import type { ApiEnvironment, ApiWorld } from '../../support/api-world.js';
import type { UpstreamFailure } from '../../../src/base/upstream.js';
import { figuresOf, starvedMs } from './process-figures.js';
import type { ProcessFigures } from './process-figures.js';

/** Whole calls to Okta and to OPA in the processes under test, in milliseconds. */
export const deadlineMs = 500;

const everySuite: ApiEnvironment = {
  OKTA_TIMEOUT_MS: String(deadlineMs),
  OPA_TIMEOUT_MS: String(deadlineMs),
  // As `npm start` has it.
  NODE_OPTIONS: '--max-semi-space-size=8',
};

/** For suites in which that upstream answers in the end: a busy machine must not meet a deadline by accident. */
export const patientWithOkta: ApiEnvironment = { OKTA_TIMEOUT_MS: '10000' };
export const patientWithOpa: ApiEnvironment = { OPA_TIMEOUT_MS: '10000' };

/** The upstreams as the metric names them. */
export type UpstreamName = 'okta_keys' | 'okta_introspection' | 'opa';

export interface TimedAnswer extends Answer {
  /** From connecting to the end of the answer. */
  readonly tookMs: number;
  /** For how much of this time a process that was ready to go on, the API or the one that asks, got no CPU. */
  readonly starvedMs: number;
}

/** One process of the API in a world of its own, for a whole suite. */
export class ObservedApi {
  readonly world: ApiWorld;
  readonly api: ListeningApi;
  readonly figures: ProcessFigures;

  constructor(world: ApiWorld, api: ListeningApi) {
    this.world = world;
    this.api = api;
    this.figures = figuresOf(api.pid);
  }

  /** `GET /sayhello` with a token, on a connection of its own. */
  async ask(token: string): Promise<TimedAnswer> {
    const starved = () => starvedMs(this.api.pid) + starvedMs(process.pid);
    const [startedAt, starvedBefore] = [performance.now(), starved()];
    const answer = await get(this.api.port, '/sayhello', token);
    const tookMs = performance.now() - startedAt;
    return { ...answer, tookMs, starvedMs: starved() - starvedBefore };
  }

  /** Calls so far that failed in this way, as the metrics tell. */
  async failures(upstream: UpstreamName, failure: UpstreamFailure): Promise<number> {
    const { body } = await get(this.api.managementPort, '/metrics');
    const name = `nest_okta_opa_upstream_errors_total{upstream="${upstream}",class="${failure}"}`;
    const line = body.split('\n').find((text) => text.startsWith(name));
    return line === undefined ? 0 : Number(line.slice(name.length));
  }

  /** What `/health/ready` says. */
  readiness(): Promise<Answer> {
    return get(this.api.managementPort, '/health/ready');
  }

  /** Settles when `/health/ready` answers so; a report may be a second old. */
  async untilReadiness(status: 200 | 503): Promise<Answer> {
    return vi.waitFor(
      async () => {
        const answer = await this.readiness();
        expect(answer.status).toBe(status);
        return answer;
      },
      { timeout: 5000, interval: 50 },
    );
  }
}

/**
 * Starts a process before the tests of a suite and ends it after them.
 *
 * @param changes settings that differ from those of the other suites; a function is asked when the process starts
 * @param before what has to be so when the process starts
 */
export function observedApi(
  changes: ApiEnvironment | (() => ApiEnvironment),
  before: (world: ApiWorld) => Promise<void> = () => Promise.resolve(),
): () => ObservedApi {
  let observed: ObservedApi | undefined;
  beforeAll(async () => {
    const world = await startApiWorld();
    await before(world);
    const own = typeof changes === 'function' ? changes() : changes;
    observed = new ObservedApi(world, await listening(runMain(world.environment({ ...everySuite, ...own }))));
  });
  afterAll(async () => {
    if (observed === undefined) return;
    await endNow(observed.api);
    await observed.world.close();
  });
  return () => {
    if (observed === undefined) throw new Error('the suite has not started its API yet');
    return observed;
  };
}
