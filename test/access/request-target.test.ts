import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalPath, isSpelledAs } from '../../src/access/request-target.js';

describe('canonicalPath', () => {
  it.each([
    ['/sayhello', '/sayhello', 'a plain path'],
    ['/', '/', 'the root'],
    ['/sayhello?x=1', '/sayhello', 'a query is no part of it'],
    ['/sayhello?', '/sayhello', 'an empty query'],
    ['/sayhello?redirect=//evil/../x', '/sayhello', 'a query may hold anything'],
    ['/items/1;admin=true', '/items/1;admin=true', 'a semicolon stands for itself, and the policy sees it'],
    ["/a-._~!$&'()*+,;=:@", "/a-._~!$&'()*+,;=:@", 'every character that needs no escape'],
    ['/caf%C3%A9/a%20b', '/caf%C3%A9/a%20b', 'escapes that are needed, upper-case'],
    ['/x/', '/x/', 'a trailing slash is another path, not another spelling'],
    ['/...', '/...', 'three dots are a name'],
    ['/.well-known/x', '/.well-known/x', 'a dot may begin a name'],
    ['/a%25b', '/a%25b', 'a percent sign'],
  ])('takes %s as %s: %s', (target, path) => {
    expect(canonicalPath(target)).toBe(path);
  });

  it.each([
    ['/%73ayhello', 'an escaped letter'],
    ['/say%2Dhello', 'an escaped hyphen'],
    ['/%2e%2e/x', 'escaped dots'],
    ['/a%2Fb', 'an escaped slash'],
    ['/a%2fb', 'a lower-case escape'],
    ['/a%5Cb', 'an escaped backslash'],
    ['/a\\b', 'a backslash'],
    ['/a%00', 'NUL'],
    ['/a%7F', 'DEL'],
    ['/a%0A', 'a line feed'],
    ['/%C0%AFx', 'overlong UTF-8'],
    ['/%C3', 'half a character'],
    ['/%zz', 'no escape'],
    ['/a%', 'a lone percent sign'],
    ['//sayhello', 'an empty segment in front'],
    ['/a//b', 'an empty segment'],
    ['/a/./b', 'a dot segment'],
    ['/a/../b', 'two dots'],
    ['/a/..', 'two dots at the end'],
    ['/a/..?x', 'two dots before a query'],
    ['/sayhello#x', 'a fragment'],
    ['/sayhello?x#y', 'a fragment behind a query'],
    ['http://127.0.0.1/sayhello', 'absolute form'],
    ['*', 'asterisk form'],
    ['sayhello', 'no slash in front'],
    ['', 'nothing'],
    ['/é', 'a character outside ASCII'],
    ['/a b', 'a space'],
    ['/a"b', 'a character that must be escaped'],
  ])('refuses %s: %s', (target) => {
    expect(canonicalPath(target)).toBeUndefined();
  });

  it('takes whatever encodeURIComponent makes of a segment, and its decoding never divides the path anew', () => {
    const segment = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const path = `/${segments.map(encodeURIComponent).join('/')}`;
        const dividing = segments.some(
          (part) => part === '.' || part === '..' || Array.from(part).some(isDividing),
        );
        expect(canonicalPath(path)).toBe(dividing ? undefined : path);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes time in proportion to the length, whatever the target', () => {
    const hostile = ['/'.repeat(15_000), '/a'.repeat(7_000) + '#', '/%41'.repeat(4_000), '/.'.repeat(7_000)];
    for (const target of hostile) expect(canonicalPath(target)).toBeUndefined();
  });
});

/** Separators and control characters of ASCII. */
function isDividing(character: string): boolean {
  return character === '/' || character === '\\' || character < ' ' || character === '\u007f';
}

describe('isSpelledAs', () => {
  it.each([
    ['/sayhello', '/sayhello', true],
    ['/SAYHELLO', '/sayhello', false],
    ['/sayhello/', '/sayhello', false],
    ['/orders/7', '/orders/:id', true],
    ['/Orders/7', '/orders/:id', false],
    ['/orders/7/', '/orders/:id', false],
    ['/orders/7/items', '/orders/:id', false],
    ['/public/a/b', '/public/*', true],
    ['/Public/a/b', '/public/*', false],
    ['/anything', '', false],
  ])('%s against the template %s: %s', (path, template, expected) => {
    expect(isSpelledAs(path, template)).toBe(expected);
  });
});
