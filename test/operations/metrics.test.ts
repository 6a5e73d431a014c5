import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/operations/metrics.js';
import type { MetricSources } from '../../src/operations/metrics.js';
import { decisionOutcomes } from '../../src/policy/decision-record.js';
import { decisionRecord } from './support/records.js';

const identity = {
  version: '1.2.3',
  validation: 'both',
  engine: 'sidecar',
  issuer: 'https://idp/oauth2/default',
};

const nothingYet: MetricSources = {
  keySetAgeSeconds: () => null,
  tokenCache: () => null,
  introspectionCache: () => null,
  upstreamErrors: () => [],
  policyRevision: () => null,
  droppedLogLines: () => 0,
};

function metricsWith(sources: Partial<MetricSources> = {}) {
  return createMetrics(identity, { ...nothingYet, ...sources });
}

/** Samples of our own metrics by name and labels, as a scraper would read them. */
async function scrape(metrics: { text(): Promise<string> }): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('nest_okta_opa_'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

describe('the metrics of decisions', () => {
  it('count requests by outcome, from zero', async () => {
    const metrics = metricsWith();
    metrics.counters.add(decisionRecord());
    metrics.counters.add(decisionRecord());
    metrics.counters.add(decisionRecord({ outcome: 'undefined' }));
    const samples = await scrape(metrics);
    const counts = decisionOutcomes.map((outcome) =>
      samples.get(`nest_okta_opa_requests_total{outcome="${outcome}"}`),
    );
    expect(counts).toEqual([2, 0, 1, 0, 0, 0, 0]);
  });

  it('show the same counts at the next scrape', async () => {
    const metrics = metricsWith();
    metrics.counters.add(decisionRecord());
    const first = await scrape(metrics);
    expect(await scrape(metrics)).toEqual(first);
  });

  it('sort durations into cumulative buckets, the bound itself included', async () => {
    const metrics = metricsWith();
    for (const tokenMs of [0.004, 0.005, 0.1, 400, 60_000])
      metrics.counters.add(decisionRecord({ tokenMs, policyMs: null }));
    const samples = await scrape(metrics);
    const name = 'nest_okta_opa_step_duration_seconds';
    const bucket = (le: string) => samples.get(`${name}_bucket{le="${le}",step="token"}`);
    expect(['0.000005', '0.00005', '0.0001', '0.25', '0.5', '5', '+Inf'].map(bucket)).toEqual([
      2, 2, 3, 3, 4, 4, 5,
    ]);
    expect(samples.get(`${name}_count{step="token"}`)).toBe(5);
    expect(samples.get(`${name}_sum{step="token"}`)).toBeCloseTo(60.400109, 6);
    expect(samples.get(`${name}_count{step="policy"}`)).toBe(0);
  });

  it('carry nothing that a caller chooses', async () => {
    const metrics = metricsWith();
    const chosen = {
      method: 'MARKER',
      api: '/MARKER',
      sub: 'MARKER',
      cid: 'MARKER',
      jti: 'MARKER',
      traceId: 'MARKER',
    };
    metrics.counters.add(decisionRecord({ ...chosen, code: 'MARKER', reason: 'MARKER', route: 'MARKER' }));
    expect(await metrics.text()).not.toContain('MARKER');
  });
});

describe('the metrics that others keep the figures of', () => {
  it('are read at each scrape', async () => {
    let age = 12;
    const metrics = metricsWith({
      keySetAgeSeconds: () => age,
      tokenCache: () => ({ hits: 5, misses: 2, entries: 1 }),
      upstreamErrors: () => [{ upstream: 'opa', failure: 'timeout', count: 3 }],
      droppedLogLines: () => 7,
    });
    await metrics.text();
    age = 13;
    const samples = await scrape(metrics);
    expect(Object.fromEntries(samples)).toMatchObject({
      'nest_okta_opa_key_set_age_seconds{upstream="okta_keys"}': 13,
      'nest_okta_opa_cache_hits_total{cache="token"}': 5,
      'nest_okta_opa_cache_misses_total{cache="token"}': 2,
      'nest_okta_opa_cache_entries{cache="token"}': 1,
      'nest_okta_opa_upstream_errors_total{upstream="opa",class="timeout"}': 3,
      nest_okta_opa_log_lines_dropped_total: 7,
    });
  });

  it('are absent where there is nothing to measure, instead of saying zero', async () => {
    const names = [...(await scrape(metricsWith())).keys()];
    expect(names.filter((name) => /key_set_age|cache_/.test(name))).toEqual([]);
  });

  it('say what is in force, with one sample also after the policy changed', async () => {
    let revision: string | null = null;
    const metrics = metricsWith({ policyRevision: () => revision });
    const info = async () =>
      [...(await scrape(metrics)).keys()].filter((name) => name.startsWith('nest_okta_opa_info'));
    const labels = 'version="1.2.3",validation="both",engine="sidecar",issuer="https://idp/oauth2/default"';
    expect(await info()).toEqual([`nest_okta_opa_info{${labels},revision=""}`]);
    revision = 'b';
    expect(await info()).toEqual([`nest_okta_opa_info{${labels},revision="b"}`]);
  });

  it('stand beside those of the process', async () => {
    expect(await metricsWith().text()).toMatch(/^process_resident_memory_bytes \d+$/m);
  });

  it('do not share a registry between two services in one process', () => {
    expect(() => [metricsWith(), metricsWith()]).not.toThrow();
  });
});
