import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { Metric } from 'prom-client';
import { DecisionCounters, stepBounds } from './decision-counters.js';
import type { DurationCounts } from './decision-counters.js';

const prefix = 'nest_okta_opa_';

export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
}

/** Failed calls to one upstream (`okta_keys`, `okta_introspection`, `opa`), by class of failure. */
export interface UpstreamErrorCount {
  readonly upstream: string;
  readonly failure: string;
  readonly count: number;
}

/** Figures that others keep; asked for when somebody scrapes, never on a request's way. */
export interface MetricSources {
  /** Seconds since the key set was last fetched; null where there is none (remote mode, or not fetched yet). */
  keySetAgeSeconds(): number | null;
  /** Null where there is no such cache. */
  tokenCache(): CacheCounts | null;
  /** Null where there is no such cache. */
  introspectionCache(): CacheCounts | null;
  upstreamErrors(): Iterable<UpstreamErrorCount>;
  /** Revision of the policy in force; null when it is not known. */
  policyRevision(): string | null;
  /** Lines that the log threw away; see `droppedLogLines` in logging.ts. */
  droppedLogLines(): number;
}

/** What is in force, for the `info` metric. The same names as in the log line at start. */
export interface ServiceIdentity {
  readonly version: string;
  readonly validation: string;
  readonly engine: string;
  readonly issuer: string;
}

/** What the management server serves under `/metrics`. */
export interface MetricsPage {
  readonly contentType: string;
  text(): Promise<string>;
}

export interface Metrics extends MetricsPage {
  readonly counters: DecisionCounters;
}

/**
 * All metrics of the API, in a registry of their own.
 *
 * Labels come from closed sets only: no path, subject, client or token, which a caller could multiply at will.
 */
export function createMetrics(identity: ServiceIdentity, sources: MetricSources): Metrics {
  const registry = new Registry();
  const counters = new DecisionCounters();
  collectDefaultMetrics({ register: registry });
  registerDecisions(registry, counters);
  registerCaches(registry, sources);
  registerUpstreams(registry, sources);
  registerInfo(registry, identity, sources);
  return { contentType: registry.contentType, text: () => registry.metrics(), counters };
}

function registerDecisions(registry: Registry, counters: DecisionCounters): void {
  new Counter({
    name: `${prefix}requests_total`,
    help: 'Guarded requests by how they ended.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, { count }] of Object.entries(counters.requests)) this.inc({ outcome }, count);
    },
  });
  registry.registerMetric(stepDurations(counters));
}

/** A histogram in the shape that prom-client prints, read from our own counts. */
function stepDurations(counters: DecisionCounters): Metric {
  const described = {
    name: `${prefix}step_duration_seconds`,
    help: 'Time that guarded requests spent on validating the token and on the policy decision.',
    type: 'histogram',
    aggregator: 'sum',
  };
  const values = () =>
    Object.entries(counters.steps).flatMap(([step, counts]) => samples(described.name, step, counts));
  const metric = { ...described, get: () => Promise.resolve({ ...described, values: values() }) };
  // The registry asks a metric for no more than this; its type knows prom-client's own four classes only.
  return metric as unknown as Metric;
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

function samples(name: string, step: string, counts: DurationCounts): Sample[] {
  const bounds = [...stepBounds, '+Inf'];
  let total = 0;
  const buckets = bounds.map((le, index) => {
    total += counts.buckets[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le, step }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { step }, value: counts.sumSeconds },
    { metricName: `${name}_count`, labels: { step }, value: total },
  ];
}

function registerCaches(registry: Registry, sources: MetricSources): void {
  const caches = { token: () => sources.tokenCache(), introspection: () => sources.introspectionCache() };
  registerCache(
    registry,
    caches,
    'cache_hits_total',
    'Look-ups that a cache answered.',
    (counts) => counts.hits,
  );
  registerCache(
    registry,
    caches,
    'cache_misses_total',
    'Look-ups that no cache answered.',
    (counts) => counts.misses,
  );
  registerCache(registry, caches, 'cache_entries', 'Entries held by a cache.', (counts) => counts.entries);
}

function registerCache(
  registry: Registry,
  caches: Readonly<Record<string, () => CacheCounts | null>>,
  name: string,
  help: string,
  figure: (counts: CacheCounts) => number,
): void {
  const Kind: typeof Counter | typeof Gauge = name.endsWith('_total') ? Counter : Gauge;
  new Kind({
    name: prefix + name,
    help,
    labelNames: ['cache'],
    registers: [registry],
    collect(this: Counter | Gauge) {
      this.reset();
      for (const [cache, read] of Object.entries(caches)) {
        const counts = read();
        if (counts !== null) this.inc({ cache }, figure(counts));
      }
    },
  });
}

function registerUpstreams(registry: Registry, sources: MetricSources): void {
  new Gauge({
    name: `${prefix}key_set_age_seconds`,
    help: 'Seconds since the key set was last fetched.',
    // prom-client prints a gauge without labels even when nothing was set; with a label it prints none.
    labelNames: ['upstream'],
    registers: [registry],
    collect() {
      this.reset();
      const age = sources.keySetAgeSeconds();
      if (age !== null) this.set({ upstream: 'okta_keys' }, age);
    },
  });
  new Counter({
    name: `${prefix}upstream_errors_total`,
    help: 'Calls to an upstream that gave no usable answer, by class of failure.',
    labelNames: ['upstream', 'class'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { upstream, failure, count } of sources.upstreamErrors())
        this.inc({ upstream, class: failure }, count);
    },
  });
}

function registerInfo(registry: Registry, identity: ServiceIdentity, sources: MetricSources): void {
  new Gauge({
    name: `${prefix}info`,
    help: 'Always 1; its labels say what is in force.',
    labelNames: ['version', 'validation', 'engine', 'issuer', 'revision'],
    registers: [registry],
    collect() {
      this.reset();
      this.set({ ...identity, revision: sources.policyRevision() ?? '' }, 1);
    },
  });
  new Counter({
    name: `${prefix}log_lines_dropped_total`,
    help: 'Log lines thrown away because their reader did not keep up.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(sources.droppedLogLines());
    },
  });
}
