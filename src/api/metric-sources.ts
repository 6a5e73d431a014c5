import type { AccessRuntime } from '../access/access-runtime.js';
import type { BoundedCache } from '../base/bounded-cache.js';
import type { CacheCounts, MetricSources, UpstreamErrorCount } from '../operations/metrics.js';

/** What the metrics ask the guard's parts when somebody scrapes. */
export function metricSources(runtime: AccessRuntime, droppedLogLines: () => number): MetricSources {
  const { parts, verifier, engine } = runtime;
  return {
    keySetAgeSeconds: () => (parts.mode === 'remote' ? null : parts.keySet.ageSeconds()),
    tokenCache: () => (parts.mode === 'remote' ? null : counts(verifier.verifiedTokens)),
    introspectionCache: () => (parts.mode === 'local' ? null : counts(verifier.activeTokens)),
    upstreamErrors: () => upstreamErrors(runtime),
    policyRevision: () => engine.revision(),
    droppedLogLines,
  };
}

function counts({ hits, misses, size }: BoundedCache<unknown>): CacheCounts {
  return { hits, misses, entries: size };
}

function* upstreamErrors({ parts, engine }: AccessRuntime): Iterable<UpstreamErrorCount> {
  if (parts.mode !== 'remote') yield* parts.keySet.failures.entries();
  if (parts.mode !== 'local') yield* parts.introspection.failures.entries();
  yield* engine.failures.entries();
}
