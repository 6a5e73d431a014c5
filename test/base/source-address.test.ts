import { describe, expect, it } from 'vitest';
import { sourceOf } from '../../src/base/source-address.js';

describe('one source', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3:4:5::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
    ['x'.repeat(1000), 'x'.repeat(64)],
  ])('of %j is %j', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});
