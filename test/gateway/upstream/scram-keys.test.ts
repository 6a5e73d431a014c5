import { describe, expect, it } from 'vitest';
import { ScramKeyCache } from '../../../src/gateway/upstream/scram-keys.js';
import type { ScramSecret } from '../../../src/gateway/upstream/scram-keys.js';
import { frozenClock } from '../../support/tokens.js';

const secret: ScramSecret = { role: 'a', password: 'p', salt: Buffer.from('salt'), iterations: 4096 };

describe('SCRAM keys (20)', () => {
  it('are derived once for one role, salt, iteration count and password', async () => {
    const cache = new ScramKeyCache(8, frozenClock().now);
    const keys = await cache.keysFor(secret);
    expect(await cache.keysFor({ ...secret, salt: Buffer.from('salt') })).toBe(keys);
    expect(cache.hits).toBe(1);
  });

  it('are derived once for logins that come together', () => {
    const cache = new ScramKeyCache(8, frozenClock().now);
    expect(cache.keysFor(secret)).toBe(cache.keysFor(secret));
  });

  it.each<{ note: string; other: Partial<ScramSecret> }>([
    { note: 'role', other: { role: 'b' } },
    { note: 'password', other: { password: 'q' } },
    { note: 'salt', other: { salt: Buffer.from('tlas') } },
    { note: 'iteration count', other: { iterations: 4097 } },
  ])('are others for another $note', async ({ other }) => {
    const cache = new ScramKeyCache(8, frozenClock().now);
    const keys = await cache.keysFor(secret);
    expect(await cache.keysFor({ ...secret, ...other })).not.toBe(keys);
    expect(cache.hits).toBe(0);
  });

  it('are kept for an hour, and for as many roles as was said', async () => {
    const clock = frozenClock();
    const cache = new ScramKeyCache(1, clock.now);
    const keys = await cache.keysFor(secret);
    clock.advance(59 * 60 * 1000);
    expect(await cache.keysFor(secret)).toBe(keys);
    clock.advance(60 * 1000);
    const later = await cache.keysFor(secret);
    expect(later).not.toBe(keys);
    await cache.keysFor({ ...secret, role: 'b' });
    expect(await cache.keysFor(secret)).not.toBe(later);
  });
});
