import { randomInt } from 'node:crypto';

const base62 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** 20 characters that begin as Okta's ids of that kind do; 17 random ones make a collision unthinkable. */
export function randomId(kind: '0oa' | '00u'): string {
  return `${kind}${Array.from({ length: 17 }, () => base62.charAt(randomInt(base62.length))).join('')}`;
}
