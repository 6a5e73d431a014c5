import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { OktaLocalVerifier } from '../../src/token/okta-local-verifier.js';
import { RemoteKeySet } from '../../src/token/key-set.js';
import { readSigningKeys } from '../../src/token/signing-keys.js';
import { TokenVerifier, verifiedTokenCacheMs } from '../../src/token/token-verifier.js';
import { introspectionOf } from '../support/token-table.js';
import { farExpiry, frozenClock, keySetOf, machineClaims, makeKey, mint, tamper } from '../support/tokens.js';
import { oktaPartsForTest } from './support/okta-parts.js';
import { json, scriptedUpstream } from './support/scripted-call.js';

const key = makeKey('k1');
const claims = machineClaims();

/** The parts, with the keys at hand already. */
async function setUp(now?: number) {
  const parts = await oktaPartsForTest({ keySet: keySetOf(key), ...(now === undefined ? {} : { now }) });
  await parts.keySet.refresh();
  return parts;
}

/** Whether the verifier answered from memory: then it answers without a promise. */
function isRemembered(verifier: TokenVerifier, token: string): boolean {
  return !(verifier.verify(token) instanceof Promise);
}

describe('locally verified tokens', () => {
  it('are remembered: the second answer comes at once and is the same value', async () => {
    const { verifier: create } = await setUp();
    const verifier = create('local');
    const token = await mint(key);
    const first = await verifier.verify(token);
    const second = verifier.verify(token);
    expect(second).toEqual(first);
    expect([verifier.verifiedTokens.hits, verifier.verifiedTokens.misses]).toEqual([1, 1]);
  });

  it('carry what later steps need', async () => {
    const { verifier } = await setUp();
    const token = await mint(key);
    const tokenHash = createHash('sha256').update(token).digest('base64url');
    expect(await verifier('local').verify(token)).toMatchObject({
      value: { tokenHash, jti: 'AT.machine', expiresAt: farExpiry },
    });
  });

  it('are forgotten after their time', async () => {
    const { verifier: create, clock } = await setUp();
    const verifier = create('local');
    const token = await mint(key);
    await verifier.verify(token);
    clock.advance(verifiedTokenCacheMs - 1);
    expect(isRemembered(verifier, token)).toBe(true);
    clock.advance(1);
    expect(isRemembered(verifier, token)).toBe(false);
  });

  it('are refused from the second of their exp on, however short before they were remembered', async () => {
    const { verifier: create, clock } = await setUp((farExpiry - 10) * 1000);
    const verifier = create('local');
    const token = await mint(key);
    await verifier.verify(token);
    clock.advance(9_999);
    expect(await verifier.verify(token)).toMatchObject({ ok: true });
    clock.advance(1);
    expect(await verifier.verify(token)).toMatchObject({ ok: false, code: 'expired' });
  });

  it('are as many at most as the settings say; the one unused for longest goes first', async () => {
    const { verifier: create } = await setUp();
    const verifier = create('local', { cacheEntries: 2 });
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((jti) => mint(key, machineClaims({ jti }))));
    for (const token of [a, b, a, c]) await verifier.verify(token ?? '');
    expect(verifier.verifiedTokens.size).toBe(2);
    expect([a, b, c].map((token) => isRemembered(verifier, token ?? ''))).toEqual([true, false, true]);
  });

  it('do not include refused ones', async () => {
    const { verifier: create } = await setUp();
    const verifier = create('local');
    await verifier.verify(tamper(await mint(key)));
    await verifier.verify('opaque');
    expect(verifier.verifiedTokens.size).toBe(0);
  });

  it('are forgotten when the key set changes, and stay when it does not', async () => {
    const { verifier: create, okta, keySet, clock } = await setUp();
    const verifier = create('local');
    const token = await mint(key);
    await verifier.verify(token);
    clock.advance(5_000);
    await keySet.refresh();
    expect(isRemembered(verifier, token)).toBe(true);
    okta.publish(keySetOf(makeKey('k2')));
    clock.advance(5_000);
    await keySet.refresh();
    expect(verifier.verifiedTokens.size).toBe(0);
    expect(await verifier.verify(token)).toMatchObject({ ok: false, code: 'unknown_key' });
  });

  it('are not remembered when the key set changed while they were being verified', async () => {
    const clock = frozenClock();
    const upstream = scriptedUpstream();
    const options = { url: new URL('https://idp.test/v1/keys'), call: upstream.call, timeoutMs: 1000 };
    const keySet = new RemoteKeySet({
      read: readSigningKeys,
      ...options,
      clock: clock.now,
      onWarning: () => undefined,
    });
    const { expected } = await setUp();
    const local = new OktaLocalVerifier(expected, keySet, clock.now);
    const limits = { clock: clock.now, cacheEntries: 10, introspectionCacheSeconds: 0 };
    const verifier = new TokenVerifier({ mode: 'local', local, keySet }, limits);
    const warm = keySet.refresh();
    upstream.answer(json(keySetOf(key)));
    await warm;
    clock.advance(5_000);
    const token = await mint(key);

    const changing = keySet.refresh();
    upstream.answer(json(keySetOf(makeKey('k2'))));
    expect(await verifier.verify(token)).toMatchObject({ ok: true });
    await changing;

    expect([verifier.verifiedTokens.size, keySet.find('k1')]).toEqual([0, undefined]);
    expect(await verifier.verify(token)).toMatchObject({ ok: false, code: 'unknown_key' });
    keySet.close();
  });
});

describe('introspected tokens', () => {
  it.each(['remote', 'both'] as const)('are asked about for every request in %s mode', async (mode) => {
    const { verifier: create, okta } = await setUp();
    const verifier = create(mode);
    const token = await mint(key);
    okta.introspects(token, introspectionOf(claims));
    for (let round = 0; round < 3; round++) expect(await verifier.verify(token)).toMatchObject({ ok: true });
    okta.revoke(token);
    expect(await verifier.verify(token)).toMatchObject({ ok: false, code: 'inactive' });
    expect(okta.introspected()).toHaveLength(4);
    expect(verifier.activeTokens.size).toBe(0);
  });

  it.each(['remote', 'both'] as const)('are asked about once at a time in %s mode', async (mode) => {
    const { verifier: create, okta } = await setUp();
    const verifier = create(mode);
    const token = await mint(key);
    okta.introspects(token, introspectionOf(claims));
    const release = okta.hold();
    const asking = Array.from({ length: 100 }, async () => verifier.verify(token));
    await okta.received(2);
    release();
    const outcomes = await Promise.all(asking);
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(okta.introspected()).toHaveLength(1);
    await verifier.verify(token);
    expect(okta.introspected()).toHaveLength(2);
  });

  it('are asked about each for itself', async () => {
    const { verifier: create, okta } = await setUp();
    const verifier = create('remote');
    okta.introspects('a', introspectionOf(machineClaims({ sub: 'a' })));
    okta.introspects('b', introspectionOf(machineClaims({ sub: 'b' })));
    const verify = async (token: string) => verifier.verify(token);
    const outcomes = await Promise.all(['a', 'b', 'c'].map(verify));
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.value.principal.sub : outcome.code))).toEqual([
      'a',
      'b',
      'inactive',
    ]);
  });

  it.each(['remote', 'both'] as const)('are reused as long as the settings say in %s mode', async (mode) => {
    const { verifier: create, okta, clock } = await setUp();
    const verifier = create(mode, { introspectionCacheSeconds: 5 });
    const token = await mint(key);
    okta.introspects(token, introspectionOf(claims));
    await verifier.verify(token);
    okta.revoke(token);
    clock.advance(4_999);
    expect(isRemembered(verifier, token)).toBe(true);
    clock.advance(1);
    expect(await verifier.verify(token)).toMatchObject({ ok: false, code: 'inactive' });
  });

  it('are never reused past their exp', async () => {
    const { verifier: create, okta, clock } = await setUp((farExpiry - 2) * 1000);
    const verifier = create('remote', { introspectionCacheSeconds: 3600 });
    okta.introspects('a', introspectionOf(claims));
    await verifier.verify('a');
    clock.advance(2_000);
    expect(await verifier.verify('a')).toMatchObject({ ok: false, code: 'expired' });
  });

  it('are reused no longer than the settings say when the answer has no exp', async () => {
    const parts = await oktaPartsForTest({ keySet: {}, optionalClaims: ['exp'] });
    const verifier = parts.verifier('remote', { introspectionCacheSeconds: 5 });
    parts.okta.introspects('a', introspectionOf(machineClaims({ exp: undefined })));
    await verifier.verify('a');
    expect(isRemembered(verifier, 'a')).toBe(true);
    parts.clock.advance(5_000);
    expect(isRemembered(verifier, 'a')).toBe(false);
  });

  it('do not include inactive ones, nor those of an outage', async () => {
    const { verifier: create, okta } = await setUp();
    const verifier = create('remote', { introspectionCacheSeconds: 3600 });
    expect(await verifier.verify('a')).toMatchObject({ code: 'inactive' });
    await okta.misbehave('status 500');
    expect(await verifier.verify('a')).toMatchObject({ code: 'unavailable' });
    await okta.misbehave('well');
    okta.introspects('a', introspectionOf(claims));
    expect(await verifier.verify('a')).toMatchObject({ ok: true });
  });
});

describe('in both mode', () => {
  it.each([
    { note: 'the same token', changes: {}, code: 'accepted' },
    { note: 'less than the token', changes: { jti: undefined, client_id: undefined }, code: 'accepted' },
    { note: 'another subject', changes: { sub: 'someone-else' }, code: 'inactive' },
    { note: 'another jti', changes: { jti: 'AT.other' }, code: 'inactive' },
    { note: 'another exp', changes: { exp: farExpiry - 1 }, code: 'inactive' },
    { note: 'another of the allowed clients', changes: { client_id: '0oaOther' }, code: 'inactive' },
    { note: 'a uid where the token has none', changes: { uid: '00uX' }, code: 'inactive' },
  ])('an answer that speaks of $note: $code', async ({ changes, code }) => {
    const parts = await oktaPartsForTest({ keySet: keySetOf(key), expected: { clients: 'any' } });
    const token = await mint(key);
    parts.okta.introspects(token, { ...introspectionOf(claims), ...changes });
    const outcome = await parts.verifier('both').verify(token);
    expect(outcome.ok ? 'accepted' : outcome.code).toBe(code);
  });

  it('an outage of introspection is unavailable, whatever is remembered of the signature', async () => {
    const { verifier: create, okta } = await setUp();
    const verifier = create('both');
    const token = await mint(key);
    okta.introspects(token, introspectionOf(claims));
    expect(await verifier.verify(token)).toMatchObject({ ok: true });
    await okta.misbehave('refused');
    expect(await verifier.verify(token)).toMatchObject({ ok: false, code: 'unavailable' });
  });

  it('the introspection cache is emptied when the key set changes', async () => {
    const { verifier: create, okta, keySet, clock } = await setUp();
    const verifier = create('both', { introspectionCacheSeconds: 3600 });
    const token = await mint(key);
    okta.introspects(token, introspectionOf(claims));
    await verifier.verify(token);
    okta.publish(keySetOf(makeKey('k2')));
    clock.advance(5_000);
    await keySet.refresh();
    expect(await verifier.verify(token)).toMatchObject({ ok: false, code: 'unknown_key' });
  });

  it('an answer that was under way while the key set changed is not remembered', async () => {
    const { verifier: create, okta, keySet, clock } = await setUp();
    const verifier = create('both', { introspectionCacheSeconds: 3600 });
    const token = await mint(key);
    okta.introspects(token, introspectionOf(claims));
    const release = okta.hold();
    const verifying = verifier.verify(token);
    await okta.received(2);
    okta.publish(keySetOf(key, makeKey('k2')));
    okta.hold()(); // later requests are answered at once, the one under way still waits
    clock.advance(5_000);
    await keySet.refresh();
    release();
    expect(await verifying).toMatchObject({ ok: true });
    expect(verifier.activeTokens.size).toBe(0);
  });
});
