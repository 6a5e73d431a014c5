import { createLocalJWKSet, jwtVerify } from 'jose';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { RegistryError } from '../../src/issuer/registry-error.js';
import { KeyRegistry } from '../../src/issuer/keys/key-registry.js';
import { SigningKeyRing } from '../../src/issuer/keys/signing-key-ring.js';
import { Peppers } from '../../src/issuer/peppers.js';
import { openStore } from '../../src/issuer/store/open-store.js';
import type { Store } from '../../src/issuer/store/open-store.js';
import { signingAlgorithms } from '../../src/issuer/store/schema.js';
import { signJwt } from '../../src/issuer/tokens/jwt-signer.js';
import { testPepper } from './support/issuer.js';
import { addServer } from './support/servers.js';
import { describeOnEveryStore } from './support/stores.js';

const now = Date.UTC(2030, 0, 1);
const peppers = new Peppers([testPepper]);

interface Keys {
  readonly ring: SigningKeyRing;
  readonly registry: KeyRegistry;
}

describeOnEveryStore('the keys', ({ newDatabase }) => {
  let store: Store;

  beforeAll(async () => {
    store = await openStore(await newDatabase());
    await addServer(store, { id: 'curve', algorithm: 'ES256', scopes: { read: true } });
    return () => store.close();
  });

  /** New ones, of a database whose servers sign with RS256 and with ES256. */
  async function keysForTest(): Promise<Keys> {
    await store.db.deleteFrom('signing_keys').execute();
    await store.db.deleteFrom('audit').execute();
    const ring = await SigningKeyRing.open(store, peppers);
    return { ring, registry: new KeyRegistry(store, peppers, ring, () => now) };
  }

  const kidsOf = async (registry: KeyRegistry, state: string, algorithm = 'ES256') =>
    (await registry.list())
      .filter((key) => key.state === state && key.algorithm === algorithm)
      .map(({ kid }) => kid);
  const publishedBy = (ring: SigningKeyRing) => ring.published(signingAlgorithms).keys;
  const verify = (token: string, ring: SigningKeyRing) =>
    jwtVerify(token, createLocalJWKSet({ keys: [...publishedBy(ring)] }));

  describe('at first', () => {
    it('are one that signs and the next one, for each algorithm that a server has', async () => {
      const { registry } = await keysForTest();
      const shown = (await registry.list()).map(({ algorithm, state }) => `${algorithm} ${state}`);
      expect(shown.toSorted()).toEqual(['ES256 current', 'ES256 next', 'RS256 current', 'RS256 next']);
    });

    it('are made once for an algorithm that many ask for at the same time', async () => {
      const { ring, registry } = await keysForTest();
      const transactions = vi.spyOn(store.db, 'transaction');
      await Promise.all(Array.from({ length: 20 }, () => ring.ensure('EdDSA')));
      expect(transactions.mock.calls).toHaveLength(1);
      transactions.mockRestore();
      expect(await kidsOf(registry, 'current', 'EdDSA')).toEqual([ring.current('EdDSA').kid]);
      expect(await kidsOf(registry, 'next', 'EdDSA')).toHaveLength(1);
    });
  });

  describe('after a rotation', () => {
    it('are the next one, which had been published before, a new next one, and the old one for 24 hours and a minute', async () => {
      const { ring, registry } = await keysForTest();
      const before = publishedBy(ring).map(({ kid }) => kid);
      const [current] = await kidsOf(registry, 'current');
      const [next] = await kidsOf(registry, 'next');
      const after = await registry.rotate();
      expect(await kidsOf(registry, 'current')).toEqual([next]);
      expect(before).toContain(next);
      expect(await kidsOf(registry, 'next')).not.toContain(next);
      expect(after.find(({ kid }) => kid === current)).toMatchObject({
        state: 'retired',
        retired_at: '2030-01-01T00:00:00.000Z',
        served_until: '2030-01-02T00:01:00.000Z',
      });
      expect(after).toHaveLength(6);
    });

    it('sign with the new one at once, and still verify what the old one signed', async () => {
      const { ring, registry } = await keysForTest();
      const old = await signJwt(ring, 'ES256', { jti: 'old' });
      const [next] = await kidsOf(registry, 'next');
      await registry.rotate('ES256');
      const young = await signJwt(ring, 'ES256', { jti: 'young' });
      expect((await verify(old, ring)).payload.jti).toBe('old');
      expect((await verify(young, ring)).protectedHeader.kid).toBe(next);
    });

    it('of one algorithm leave the others as they were', async () => {
      const { registry } = await keysForTest();
      const of = async (algorithm: string) =>
        (await registry.list()).filter((key) => key.algorithm === algorithm);
      const [rsa, curve] = [await of('RS256'), await of('ES256')];
      await registry.rotate('ES256');
      expect(await of('RS256')).toEqual(rsa);
      expect(await of('ES256')).not.toEqual(curve);
    });

    it('are still one that signs and one that is next when several rotated at once', async () => {
      const { registry } = await keysForTest();
      await Promise.all(Array.from({ length: 6 }, () => registry.rotate('ES256')));
      for (const [state, count] of Object.entries({ current: 1, next: 1, retired: 6 }))
        expect([state, await kidsOf(registry, state)]).toEqual([
          state,
          expect.objectContaining({ length: count }),
        ]);
    });

    it('open under a new pepper with the old one behind it, and the new key under the new one alone', async () => {
      const { registry } = await keysForTest();
      const other = 'another pepper of at least 32 characters';
      const both = new Peppers([other, testPepper]);
      const young = new KeyRegistry(store, both);
      await young.rotate();
      expect(await signJwt(await SigningKeyRing.open(store, both), 'ES256', {})).toMatch(/^eyJ/);
      await young.rotate();
      const alone = await SigningKeyRing.open(store, new Peppers([other]));
      expect(alone.current('ES256').kid).toBe((await kidsOf(registry, 'current'))[0]);
    });

    it('stay as they were where there is nothing to rotate', async () => {
      const { registry } = await keysForTest();
      const before = await registry.list();
      await expect(registry.rotate('EdDSA')).rejects.toThrow(RegistryError);
      expect(await registry.list()).toEqual(before);
    });
  });

  describe('after a removal', () => {
    it('of the one that signs have the next one in its place, and its tokens verify no more', async () => {
      const { ring, registry } = await keysForTest();
      const token = await signJwt(ring, 'ES256', {});
      const [next] = await kidsOf(registry, 'next');
      const { kid } = ring.current('ES256');
      expect(await registry.remove(kid)).toMatchObject({ kid, state: 'current', algorithm: 'ES256' });
      expect(publishedBy(ring).map((key) => key.kid)).not.toContain(kid);
      expect([ring.verifies(kid), await ring.verificationKey(kid)]).toEqual([false, undefined]);
      await expect(verify(token, ring)).rejects.toThrow('no applicable key');
      expect(ring.current('ES256').kid).toBe(next);
      expect(await kidsOf(registry, 'next')).toHaveLength(1);
      expect(await kidsOf(registry, 'retired')).toEqual([]);
    });

    it('of the next one have another next one', async () => {
      const { ring, registry } = await keysForTest();
      const { kid } = ring.current('ES256');
      const [next = ''] = await kidsOf(registry, 'next');
      await registry.remove(next);
      expect(await kidsOf(registry, 'current')).toEqual([kid]);
      expect(await kidsOf(registry, 'next')).toEqual([expect.not.stringContaining(next)]);
    });

    it('of a retired one are the others', async () => {
      const { registry } = await keysForTest();
      await registry.rotate('ES256');
      const [retired = ''] = await kidsOf(registry, 'retired');
      const others = (await registry.list()).filter(({ kid }) => kid !== retired);
      await registry.remove(retired);
      expect(await registry.list()).toEqual(others);
    });

    it('of one that is none are the same', async () => {
      const { registry } = await keysForTest();
      const before = await registry.list();
      await expect(registry.remove('nobody')).rejects.toThrow('there is no key "nobody"');
      expect(await registry.list()).toEqual(before);
    });
  });

  it('are in the audit with each change: who, what, which; no private part', async () => {
    const { registry } = await keysForTest();
    const [old = ''] = await kidsOf(registry, 'current');
    const [first = ''] = await kidsOf(registry, 'next');
    await registry.rotate('ES256');
    const [second] = await kidsOf(registry, 'next');
    await registry.remove(first, 'client:0oaAdmin');
    const [third] = await kidsOf(registry, 'next');
    const rows = await store.db.selectFrom('audit').selectAll().orderBy('id').execute();
    expect(rows.map(({ actor, action, target, details }) => ({ actor, action, target, details }))).toEqual([
      {
        actor: 'cli',
        action: 'key.rotate',
        target: first,
        details: { algorithm: 'ES256', retired: old, next: second },
      },
      {
        actor: 'client:0oaAdmin',
        action: 'key.remove',
        target: first,
        details: { algorithm: 'ES256', state: 'current', current: second, next: third },
      },
    ]);
  });

  it('are published with public members only, whatever their kind', async () => {
    const { ring } = await keysForTest();
    for (const algorithm of signingAlgorithms) await ring.ensure(algorithm);
    const members = Object.fromEntries(
      publishedBy(ring).map((key) => [key.alg, Object.keys(key).toSorted().join(' ')]),
    );
    expect(members).toEqual({
      RS256: 'alg e kid kty n use',
      RS512: 'alg e kid kty n use',
      ES256: 'alg crv kid kty use x y',
      EdDSA: 'alg crv kid kty use x',
    });
  });

  it('have their private parts in the database as ciphertext only', async () => {
    const { ring } = await keysForTest();
    const rows = await store.db.selectFrom('signing_keys').selectAll().execute();
    for (const algorithm of ['RS256', 'ES256'] as const) {
      const { kid, privateKey } = ring.current(algorithm);
      const sealed = Buffer.from(rows.find((row) => row.kid === kid)?.sealed_private_key ?? []);
      const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
      expect(sealed.length).toBeGreaterThan(pkcs8.length);
      // 28 bytes before the ciphertext: the nonce and the tag.
      for (let at = 0; at + 16 <= pkcs8.length; at += 16)
        expect(sealed.includes(pkcs8.subarray(at, at + 16))).toBe(false);
    }
  });
});

describeOnEveryStore('keys that a token names and the ring does not know', ({ newDatabase }) => {
  let store: Store;
  let ring: SigningKeyRing;

  beforeAll(async () => {
    store = await openStore(await newDatabase());
    ring = await SigningKeyRing.open(store, peppers);
    return () => store.close();
  });

  it('are looked for together, not once for each', async () => {
    const selects = vi.spyOn(store.db, 'selectFrom');
    onTestFinished(() => {
      selects.mockRestore();
    });
    const found = await Promise.all(
      Array.from({ length: 200 }, (_, number) => ring.verificationKey(`unknown ${number}`)),
    );
    expect(found.every((key) => key === undefined)).toBe(true);
    // Nobody else changes an embedded database, so there it is not even read.
    expect(selects.mock.calls.length).toBe(store.isExclusive ? 0 : 1);
  });
});
