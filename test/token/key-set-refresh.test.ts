import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { refuse } from '../../src/base/outcome.js';
import { RemoteKeySet } from '../../src/token/key-set.js';
import { readSigningKeys } from '../../src/token/signing-keys.js';
import { keySetOf, makeKey } from '../support/tokens.js';
import { json, scriptedUpstream } from './support/scripted-call.js';

const keys = keySetOf(makeKey('current'));
const outage = refuse('unreachable', 'no connection');

function setUp() {
  const upstream = scriptedUpstream();
  const url = new URL('https://idp.test/oauth2/default/v1/keys');
  const onWarning = vi.fn();
  const keySet = new RemoteKeySet({
    read: readSigningKeys,
    url,
    call: upstream.call,
    timeoutMs: 2000,
    clock: Date.now,
    onWarning,
  });
  return { keySet, upstream };
}

describe('the key set refreshes itself', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    { cacheControl: 'max-age=1000, must-revalidate', afterSeconds: 800 },
    { cacheControl: 'public, max-age=3000', afterSeconds: 2400 },
    { cacheControl: 'max-age=0', afterSeconds: 60 },
    { cacheControl: 'max-age=10', afterSeconds: 60 },
    { cacheControl: 'max-age=999999999', afterSeconds: 3600 },
    { cacheControl: 'max-age=99999999999999999999', afterSeconds: 3600 },
    { cacheControl: 'no-store', afterSeconds: 3600 },
    { cacheControl: undefined, afterSeconds: 3600 },
    { cacheControl: ['no-cache', 'max-age=100'], afterSeconds: 80 },
  ])(
    '$afterSeconds s after an answer with Cache-Control $cacheControl',
    async ({ cacheControl, afterSeconds }) => {
      const { keySet, upstream } = setUp();
      const first = keySet.refresh();
      upstream.answer(json(keys, { 'cache-control': cacheControl }));
      await first;
      await vi.advanceTimersByTimeAsync(afterSeconds * 1000 - 1);
      expect(upstream.requests).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(1);
      expect(upstream.requests).toHaveLength(2);
    },
  );

  it('every four seconds during an outage, cold or warm, and at the usual pace afterwards', async () => {
    const { keySet, upstream } = setUp();
    void keySet.refresh();
    for (let fetches = 1; fetches <= 5; fetches++) {
      expect(upstream.requests).toHaveLength(fetches);
      upstream.answer(outage);
      await vi.advanceTimersByTimeAsync(4_000);
    }
    upstream.answer(json(keys));
    await vi.advanceTimersByTimeAsync(3_599_999);
    expect([upstream.requests.length, keySet.isWarm()]).toEqual([6, true]);
    await vi.advanceTimersByTimeAsync(1);
    upstream.answer(outage);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(upstream.requests).toHaveLength(8);
  });

  it('once, when a fetch on behalf of a request comes in between', async () => {
    const { keySet, upstream } = setUp();
    void keySet.refresh();
    upstream.answer(json(keys));
    await vi.advanceTimersByTimeAsync(3_000_000);
    const resolving = keySet.resolve('stranger');
    upstream.answer(json(keys));
    await resolving;
    await vi.advanceTimersByTimeAsync(3_599_999);
    expect(upstream.requests).toHaveLength(2);
  });

  it('no more once it is closed, not even when an answer comes late', async () => {
    const { keySet, upstream } = setUp();
    void keySet.refresh();
    keySet.close();
    upstream.answer(json(keys));
    await vi.advanceTimersByTimeAsync(10_000_000);
    expect([upstream.requests.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it('no more once it is closed between two fetches', async () => {
    const { keySet, upstream } = setUp();
    void keySet.refresh();
    upstream.answer(json(keys));
    await vi.advanceTimersByTimeAsync(1);
    keySet.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
