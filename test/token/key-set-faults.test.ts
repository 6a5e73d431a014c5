import { afterEach, describe, expect, it } from 'vitest';
import { createUndiciUpstream } from '../../src/base/undici-upstream.js';
import type { UpstreamFailure } from '../../src/base/upstream.js';
import { RemoteKeySet } from '../../src/token/key-set.js';
import { readSigningKeys } from '../../src/token/signing-keys.js';
import type { Misbehaviour } from '../support/misbehaviours.js';
import { startOktaStandIn } from '../support/okta-stand-in.js';
import type { OktaStandIn } from '../support/okta-stand-in.js';
import { frozenClock, keySetOf, makeKey } from '../support/tokens.js';

const key = makeKey('current');
const coolDownMs = 5_000;

/** How each misbehaviour is classed, in the metric as well. */
const faults: Readonly<Record<Misbehaviour, UpstreamFailure>> = {
  refused: 'unreachable',
  silent: 'timeout',
  'reset mid-body': 'broken',
  drip: 'timeout',
  'status 500': 'status',
  'status 429': 'rate_limited',
  redirect: 'redirect',
  html: 'misshapen',
  'broken JSON': 'misshapen',
  'huge body': 'oversized',
  'gzip bomb': 'misshapen',
};

const rows = Object.entries(faults).map(([how, failure]) => ({ how: how as Misbehaviour, failure }));

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function setUp() {
  const okta = await startOktaStandIn({ keySet: keySetOf(key) });
  const clock = frozenClock();
  const upstream = createUndiciUpstream(okta.origin, { connections: 4, connectTimeoutMs: 300 });
  const options = { call: upstream.call, timeoutMs: 300, clock: clock.now, onWarning: () => undefined };
  const keySet = new RemoteKeySet({ read: readSigningKeys, url: okta.keysUrl, ...options });
  cleanUps.push(
    () => {
      keySet.close();
    },
    () => upstream.close(),
    () => okta.close(),
  );
  return { okta, keySet, clock };
}

async function expectRecovery(okta: OktaStandIn, keySet: RemoteKeySet): Promise<void> {
  await okta.misbehave('well');
  expect(await keySet.refresh()).toEqual({ ok: true, value: null });
  expect(keySet.find('current')).toBeDefined();
}

describe('the key set, fetched over sockets', () => {
  it('is warm after one fetch', async () => {
    const { okta, keySet } = await setUp();
    expect(await keySet.resolve('current')).toMatchObject({ ok: true, value: { kid: 'current' } });
    expect(okta.keyRequests()).toBe(1);
  });

  it.each(rows)(
    'cold and $how: unavailable ($failure), and good again afterwards',
    async ({ how, failure }) => {
      const { okta, keySet, clock } = await setUp();
      await okta.misbehave(how);
      expect(await keySet.resolve('current')).toMatchObject({ ok: false, code: 'unavailable' });
      expect([...keySet.failures.entries()]).toEqual([{ upstream: 'okta_keys', failure, count: 1 }]);
      expect(okta.keyRequests()).toBeLessThanOrEqual(1);
      clock.advance(coolDownMs);
      await expectRecovery(okta, keySet);
    },
  );

  it.each(rows)('warm and $how: serves on, and takes new keys afterwards', async ({ how }) => {
    const { okta, keySet, clock } = await setUp();
    await keySet.refresh();
    clock.advance(coolDownMs);
    await okta.misbehave(how);
    expect(await keySet.refresh()).toMatchObject({ ok: false, code: 'unavailable' });
    expect(keySet.find('current')).toBeDefined();
    clock.advance(coolDownMs);
    await expectRecovery(okta, keySet);
  });

  it('asks for the time that a 429 names', async () => {
    const { okta, keySet } = await setUp();
    await okta.misbehave('status 429');
    expect(await keySet.refresh()).toMatchObject({ retryAfterSeconds: 2 });
  });

  it('takes no notice of an answer that comes after the deadline', async () => {
    const { okta, keySet, clock } = await setUp();
    const release = okta.hold();
    const late = keySet.refresh();
    await okta.received(1);
    expect(await late).toMatchObject({ code: 'unavailable' });
    release();
    okta.publish(keySetOf(makeKey('newer')));
    clock.advance(coolDownMs);
    await keySet.refresh();
    expect([keySet.find('newer')?.kid, keySet.find('current')]).toEqual(['newer', undefined]);
  });

  it('asks the issuer once for two hundred requests with as many unknown kids', async () => {
    const { okta, keySet, clock } = await setUp();
    await keySet.refresh();
    clock.advance(coolDownMs);
    const release = okta.hold();
    const resolving = Array.from({ length: 200 }, (_, index) => keySet.resolve(`stranger-${index}`));
    await okta.received(2);
    release();
    const outcomes = await Promise.all(resolving);
    expect(outcomes.every((outcome) => !outcome.ok && outcome.code === 'unknown_key')).toBe(true);
    expect(okta.keyRequests()).toBe(2);
  });
});
