// One run of one target: start, warm up, load, read what it cost, stop.
import { cpuMicros, residentMiB, stop } from './processes.mjs';
import { wrk } from './wrk.mjs';

/** Few enough to be in every cache, more than one so that nothing profits from a single token. */
const seenTokens = 100;

/** Part of the pool that the warm-up takes when every token is to be new. */
const warmUpShare = 0.3;

/**
 * @param {object} target a row of `targets`
 * @param {object} setup
 * @param {{ seconds: number, warmUpSeconds: number }} times
 */
export async function measure(target, setup, times) {
  const running = await target.start(setup);
  try {
    const { warmUp, load } = tokenRanges(target, setup.pool);
    checkUnrepeated(target, warmUp, await wrk(running.url, { seconds: times.warmUpSeconds, tokens: warmUp }));
    return await underLoad(target, running, load, times.seconds);
  } finally {
    await Promise.all(running.processes.map(stop));
  }
}

function tokenRanges({ tokens }, { file, count }) {
  if (tokens === 'seen') {
    const range = { file, first: 1, last: seenTokens };
    return { warmUp: range, load: range };
  }
  const border = Math.floor(count * warmUpShare);
  return { warmUp: { file, first: 2, last: border }, load: { file, first: border + 1, last: count } };
}

async function underLoad(target, { url, metrics, processes }, tokens, seconds) {
  const before = processes.map(cpuMicros);
  const cacheBefore = await cacheCounts(metrics);
  const load = await wrk(url, { seconds, tokens });
  const spent = processes.map((process, index) => cpuMicros(process) - before[index]);
  checkUnrepeated(target, tokens, load);
  checkCache(target, cacheBefore, await cacheCounts(metrics));
  return {
    perSecond: load.perSecond,
    p50Micros: load.p50,
    p99Micros: load.p99,
    processes: processes.map((process, index) => ({
      name: process.name,
      cpuMicrosPerRequest: spent[index] / load.requests,
      residentMiB: residentMiB(process),
    })),
  };
}

function checkUnrepeated({ tokens, title }, { first, last }, { sent }) {
  const available = last - first + 1;
  if (tokens === 'new' && sent > available) {
    throw new Error(`${title}: ${sent} requests but only ${available} tokens; some were not new`);
  }
}

/** Look-ups in the API's caches of tokens, from its own metrics; undefined for peers. */
async function cacheCounts(metrics) {
  if (metrics === undefined) return undefined;
  const text = await (await fetch(metrics)).text();
  const sum = (name) =>
    [...text.matchAll(new RegExp(`^nest_okta_opa_cache_${name}_total\\{.*\\} (\\d+)$`, 'gm'))]
      .map(([, count]) => Number(count))
      .reduce((total, count) => total + count, 0);
  return { hits: sum('hits'), misses: sum('misses') };
}

/** A measurement of new tokens that hit the cache, or of known ones that missed it, would be of something else. */
function checkCache({ tokens, title }, before, after) {
  if (before === undefined || after === undefined) return;
  const hits = after.hits - before.hits;
  if (tokens === 'new' && hits > 0) throw new Error(`${title}: ${hits} tokens were found in the cache`);
}

/** The run with the median throughput. */
export function medianRun(runs) {
  return runs.toSorted((a, b) => a.perSecond - b.perSecond)[Math.floor(runs.length / 2)];
}
