import { describe, expect, it } from 'vitest';
import { decisionUrl, parseOpaUrl } from '../../src/policy/opa-url.js';
import type { OpaUrl } from '../../src/policy/opa-url.js';

function parsed(text: string): OpaUrl {
  const url = parseOpaUrl(text);
  if (!url.ok) throw new Error(url.reason);
  return url.value;
}

describe('an OPA URL', () => {
  it('is taken apart into origin, data path and decision path', () => {
    expect(parsed('http://localhost:8181/v1/data/demoapi/authz/allow')).toStrictEqual({
      href: 'http://localhost:8181/v1/data/demoapi/authz/allow',
      origin: 'http://localhost:8181',
      dataPath: '/v1/data',
      decisionPath: 'demoapi/authz/allow',
    });
  });

  it('may name a Unix socket', () => {
    expect(parsed('unix:///run/opa/opa.sock:/v1/data/demoapi/authz/allow')).toStrictEqual({
      href: 'unix:///run/opa/opa.sock:/v1/data/demoapi/authz/allow',
      origin: 'http://localhost',
      socketPath: '/run/opa/opa.sock',
      dataPath: '/v1/data',
      decisionPath: 'demoapi/authz/allow',
    });
  });

  it.each([
    { text: 'https://opa.test/v1/data/a', dataPath: '/v1/data', decisionPath: 'a' },
    { text: 'https://opa.test/proxy/v1/data/a/b', dataPath: '/proxy/v1/data', decisionPath: 'a/b' },
    { text: 'http://opa.test/v1/data/a/v1/data/b', dataPath: '/v1/data', decisionPath: 'a/v1/data/b' },
    { text: 'http://opa.test/v1/data/a%20b/c', dataPath: '/v1/data', decisionPath: 'a b/c' },
  ])('$text has the decision path $decisionPath below $dataPath', ({ text, dataPath, decisionPath }) => {
    expect(parsed(text)).toMatchObject({ dataPath, decisionPath });
  });

  it.each([
    { what: 'no URL', text: 'localhost:8181/v1/data/a' },
    { what: 'another scheme', text: 'ftp://localhost/v1/data/a' },
    { what: 'a user and a password', text: 'http://user:hunter2@localhost/v1/data/a' },
    { what: 'a query', text: 'http://localhost/v1/data/a?pretty=true' },
    { what: 'a fragment', text: 'http://localhost/v1/data/a#b' },
    { what: 'no data path', text: 'http://localhost/v0/data/a' },
    { what: 'no decision', text: 'http://localhost/v1/data' },
    { what: 'an empty decision', text: 'http://localhost/v1/data/' },
    { what: 'an empty segment', text: 'http://localhost/v1/data/a//b' },
    { what: 'a slash at its end', text: 'http://localhost/v1/data/a/' },
    { what: 'an encoded slash', text: 'http://localhost/v1/data/a%2Fb' },
    { what: 'a broken escape', text: 'http://localhost/v1/data/a%zz' },
    { what: 'dot segments that lead out of the data', text: 'http://localhost/v1/data/../policies/a' },
    { what: 'a relative socket', text: 'unix://opa.sock:/v1/data/a' },
    { what: 'a socket without a path', text: 'unix:///opa.sock' },
  ])('with $what is refused', ({ text }) => {
    expect(parseOpaUrl(text)).toMatchObject({ ok: false, code: 'bad_url' });
  });

  it('that is refused is not quoted, for it may hold a password', () => {
    expect(JSON.stringify(parseOpaUrl('http://user:hunter2@localhost/v1/data/a'))).not.toContain('hunter2');
  });
});

describe('the URL of a decision', () => {
  const opa = parsed('http://localhost:8181/proxy/v1/data/demoapi/authz/allow');

  it('replaces the path below the data API', () => {
    expect(decisionUrl(opa, 'other/authz')?.href).toBe('http://localhost:8181/proxy/v1/data/other/authz');
  });

  it('encodes what a path can not hold', () => {
    expect(decisionUrl(opa, 'a b/ü?#')?.href).toBe('http://localhost:8181/proxy/v1/data/a%20b/%C3%BC%3F%23');
  });

  it.each(['', '/a', 'a/', 'a//b', '..', 'a/../b', './a', 'a/\ud800'])(
    'does not exist for the path "%s"',
    (path) => {
      expect(decisionUrl(opa, path)).toBeUndefined();
    },
  );
});
