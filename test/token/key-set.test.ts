import { describe, expect, it } from 'vitest';
import { refuse } from '../../src/base/outcome.js';
import { maxKeyAgeMs, RemoteKeySet } from '../../src/token/key-set.js';
import { readSigningKeys } from '../../src/token/signing-keys.js';
import { frozenClock, keySetOf, makeKey } from '../support/tokens.js';
import type { PublishedKeySet } from '../support/tokens.js';
import { json, scriptedUpstream, text } from './support/scripted-call.js';
import type { CallOutcome } from './support/scripted-call.js';

const url = new URL('https://idp.test/oauth2/default/v1/keys');
const [current, next, other] = [makeKey('current'), makeKey('next'), makeKey('other')];
const outage = refuse('unreachable', 'no connection');
const coolDownMs = 5_000;

function setUp() {
  const clock = frozenClock();
  const upstream = scriptedUpstream();
  const warnings: string[] = [];
  const changes: number[] = [];
  const options = { url, call: upstream.call, timeoutMs: 2000, clock: clock.now };
  const keySet = new RemoteKeySet({
    read: readSigningKeys,
    ...options,
    onWarning: (warning) => warnings.push(warning),
  });
  keySet.onChange(() => changes.push(upstream.requests.length));
  /** One refresh, answered at once. */
  const refresh = (outcome: CallOutcome) => {
    const refreshed = keySet.refresh();
    upstream.answer(outcome);
    return refreshed;
  };
  return { keySet, clock, upstream, warnings, changes, refresh };
}

async function setUpWarm(keys: PublishedKeySet = keySetOf(current)) {
  const parts = setUp();
  await parts.refresh(json(keys));
  parts.clock.advance(coolDownMs);
  return parts;
}

describe('the key set', () => {
  it('is asked for with one bounded GET', async () => {
    const { refresh, upstream } = setUp();
    await refresh(json(keySetOf(current)));
    expect(upstream.requests).toEqual([
      { method: 'GET', url, headers: { accept: 'application/json' }, timeoutMs: 2000, maxBytes: 262_144 },
    ]);
  });

  it('is fetched once for all who wait for it, whichever key they want', async () => {
    const { keySet, upstream } = setUp();
    const known = Array.from({ length: 500 }, () => keySet.resolve('current'));
    const unknown = Array.from({ length: 500 }, (_, index) => keySet.resolve(`stranger-${index}`));
    upstream.answer(json(keySetOf(current, next)));
    expect(new Set((await Promise.all(known)).map(({ ok }) => ok))).toEqual(new Set([true]));
    expect(await unknown[499]).toMatchObject({ ok: false, code: 'unknown_key' });
    expect(upstream.requests).toHaveLength(1);
  });

  it('hands out keys that it holds without asking anybody', async () => {
    const { keySet, upstream } = await setUpWarm();
    expect(keySet.find('current')?.kid).toBe('current');
    expect(await keySet.resolve('current')).toMatchObject({ ok: true });
    expect(upstream.requests).toHaveLength(1);
  });

  it('finds a rotated key with one refetch', async () => {
    const { keySet, upstream } = await setUpWarm();
    const resolving = keySet.resolve('next');
    upstream.answer(json(keySetOf(current, next)));
    expect(await resolving).toMatchObject({ ok: true, value: { kid: 'next' } });
    expect(upstream.requests).toHaveLength(2);
  });

  it('is refetched once a cool-down for any number of unknown kids', async () => {
    const { keySet, upstream, clock } = await setUpWarm();
    for (let round = 1; round <= 3; round++) {
      const first = keySet.resolve(`stranger-${round}`);
      upstream.answer(json(keySetOf(current)));
      expect(await first).toMatchObject({ code: 'unknown_key' });
      for (let index = 0; index < 2000; index++) {
        expect(await keySet.resolve(`stranger-${round}-${index}`)).toMatchObject({ code: 'unknown_key' });
      }
      clock.advance(coolDownMs - 1);
      await keySet.resolve('one millisecond too early');
      expect(upstream.requests).toHaveLength(1 + round);
      clock.advance(1);
    }
  });

  it.each(['__proto__', 'constructor', 'toString', ''])('has no key of the kid %j', async (kid) => {
    const { keySet } = await setUpWarm();
    expect(keySet.find(kid)).toBeUndefined();
  });

  it('tells its age', async () => {
    const { keySet, clock, refresh } = setUp();
    expect(keySet.ageSeconds()).toBeNull();
    await refresh(json(keySetOf(current)));
    clock.advance(90_000);
    expect(keySet.ageSeconds()).toBe(90);
  });
});

describe('the key set while the issuer is away', () => {
  it('has no keys when it never had any, and says when to come back', async () => {
    const { keySet, upstream } = setUp();
    const resolving = keySet.resolve('current');
    upstream.answer(outage);
    expect(await resolving).toMatchObject({ ok: false, code: 'unavailable', retryAfterSeconds: 1 });
    expect(keySet.isWarm()).toBe(false);
  });

  it('serves the last good keys for their greatest age, and not a millisecond longer', async () => {
    const { keySet, clock, refresh, upstream } = setUp();
    await refresh(json(keySetOf(current)));
    clock.advance(maxKeyAgeMs);
    await refresh(outage);
    expect(keySet.find('current')).toBeDefined();
    expect(keySet.isWarm()).toBe(true);
    clock.advance(1_000);
    expect(keySet.find('current')).toBeUndefined();
    expect(keySet.isWarm()).toBe(false);
    const resolving = keySet.resolve('current');
    upstream.answer(outage);
    expect(await resolving).toMatchObject({ code: 'unavailable' });
  });

  it('is back as soon as the issuer is, after the cool-down', async () => {
    const { keySet, clock, refresh } = setUp();
    await refresh(outage);
    clock.advance(1_000);
    expect(await refresh(json(keySetOf(current)))).toEqual({ ok: true, value: null });
    expect(keySet.isWarm()).toBe(true);
  });

  it('does not call an unknown kid unknown, since the issuer may have published it by now', async () => {
    const { keySet, upstream } = await setUpWarm();
    const resolving = keySet.resolve('next');
    upstream.answer(outage);
    expect(await resolving).toMatchObject({ code: 'unavailable' });
    expect(await keySet.resolve('next')).toMatchObject({ code: 'unavailable' });
    expect(upstream.requests).toHaveLength(2);
  });

  it.each([
    { note: 'no word about it', retryAfterSeconds: undefined, waitMs: 1_000 },
    { note: 'Retry-After of no time', retryAfterSeconds: 0, waitMs: 1_000 },
    { note: 'Retry-After of three seconds', retryAfterSeconds: 3, waitMs: 3_000 },
    {
      note: 'Retry-After of an hour, which would outlast every outage',
      retryAfterSeconds: 3600,
      waitMs: 4_000,
    },
  ])('is asked again after $waitMs ms with $note', async ({ retryAfterSeconds, waitMs }) => {
    const { keySet, clock, refresh, upstream } = setUp();
    const details = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
    const failed = await refresh(refuse('rate_limited', 'answered 429', details));
    expect(failed).toMatchObject({ code: 'unavailable', retryAfterSeconds: waitMs / 1000 });
    clock.advance(waitMs - 1);
    expect(await keySet.refresh()).toBe(failed);
    clock.advance(1);
    void keySet.refresh();
    expect(upstream.requests).toHaveLength(2);
  });
});

describe('a key set that is not what it should be', () => {
  const weak = makeKey('current', 1024).published;
  const poisoned: readonly { note: string; answer: CallOutcome }[] = [
    { note: 'empty', answer: json({ keys: [] }) },
    { note: 'no key set', answer: json({ error: 'x' }) },
    { note: 'no JSON', answer: text('<!doctype html>') },
    { note: 'broken off', answer: text('{"keys":[') },
    {
      note: 'with a duplicate member',
      answer: text(JSON.stringify(keySetOf(next)).replace('{', '{"keys":[],')),
    },
    { note: 'of weak keys only', answer: json({ keys: [weak] }) },
    { note: 'of one kid twice', answer: json({ keys: [next.published, next.published] }) },
    { note: 'of other algorithms only', answer: json({ keys: [{ ...next.published, alg: 'PS256' }] }) },
    { note: 'with private keys', answer: json({ keys: [{ ...next.published, d: 'AAAA' }] }) },
  ];

  it.each(poisoned)('($note) leaves the old keys in force, is counted and warned of', async ({ answer }) => {
    const { keySet, refresh, warnings, changes } = await setUpWarm();
    expect(await refresh(answer)).toMatchObject({ ok: false, code: 'unavailable' });
    expect(keySet.find('current')?.jwk.n).toBe(current.published.n);
    expect(changes).toEqual([1]);
    expect([...keySet.failures.entries()]).toEqual([
      { upstream: 'okta_keys', failure: 'misshapen', count: 1 },
    ]);
    expect(warnings.at(-1)).toMatch(/^the key set could not be fetched \(misshapen\)/);
  });

  it('gives the sound keys among the others, with a warning for each that was dropped', async () => {
    const { keySet, warnings } = await setUpWarm({ keys: [{ ...weak, kid: 'weak' }, next.published] });
    expect([keySet.find('weak'), keySet.find('next')?.kid]).toEqual([undefined, 'next']);
    expect(warnings).toEqual(['key "weak" was dropped: its modulus has 1024 bits']);
  });
});

describe('a change of the key set', () => {
  const impostor = { ...other.published, kid: 'current' };
  it.each([
    { note: 'a key came', keys: keySetOf(current, next, other), changed: true },
    { note: 'a key went', keys: keySetOf(current), changed: true },
    { note: 'a key was replaced', keys: keySetOf(current, other), changed: true },
    { note: 'a kid got another key', keys: { keys: [impostor, next.published] }, changed: true },
    { note: 'nothing', keys: keySetOf(current, next), changed: false },
    { note: 'the order only', keys: keySetOf(next, current), changed: false },
  ])('is told to listeners: $note → $changed', async ({ keys, changed }) => {
    const { refresh, changes } = await setUpWarm(keySetOf(current, next));
    await refresh(json(keys));
    expect(changes).toEqual(changed ? [1, 2] : [1]);
  });

  it('does not happen when the same keys are fetched again: they stay the same objects', async () => {
    const { keySet, refresh } = await setUpWarm();
    const before = keySet.find('current');
    await refresh(json(keySetOf(current)));
    expect(keySet.find('current')).toBe(before);
  });

  it('is in force when listeners hear of it', async () => {
    const { keySet, refresh } = await setUpWarm();
    const seen: unknown[] = [];
    keySet.onChange(() => seen.push(keySet.find('current'), keySet.find('next')?.kid));
    await refresh(json(keySetOf(next)));
    expect(seen).toEqual([undefined, 'next']);
  });
});
