import { describe, expect, it } from 'vitest';
import { isSecretName, redact, redactText, redacted } from '../../src/operations/redaction.js';

const jwt = 'eyJraWQiOiIxIiwiYWxnIjoiUlMyNTYifQ.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl';

describe('names of members that hold secrets', () => {
  it.each([
    'authorization',
    'Authorization',
    'proxy-authorization',
    'Cookie',
    'set-cookie',
    'token',
    'access_token',
    'accessToken',
    'refresh_token',
    'tokenValue',
    'jwt',
    'client_secret',
    'clientSecret',
    'OKTA_CLIENT_SECRET',
    'ISSUER_PEPPER',
    'password',
    'client_assertion',
    'privateKey',
    'x-api-key',
  ])('%s', (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each(['tokenHash', 'tokenCached', 'tokenMs', 'token_type', 'jti', 'kid', 'secretary', 'passwordless'])(
    '%s is none',
    (name) => {
      expect(isSecretName(name)).toBe(false);
    },
  );
});

describe('credentials inside text', () => {
  it.each([
    ['a JWT', `got ${jwt} from a client`, `got ${redacted} from a client`],
    ['a JWT without its signature', `got ${jwt.split('.').slice(0, 2).join('.')}.`, `got ${redacted}`],
    ['the payload of a JWT alone', `claims ${jwt.split('.')[1] ?? ''}`, `claims ${redacted}`],
    ['an opaque bearer token', 'Authorization: Bearer 3fa85f64-5717', `Authorization: Bearer ${redacted}`],
    ['basic credentials', 'basic Y2xpZW50OnNlY3JldA==', `basic ${redacted}`],
    [
      'a form body',
      'grant_type=x&client_secret=s3cret&scope=a',
      `grant_type=x&client_secret=${redacted}&scope=a`,
    ],
    ['a query', 'https://idp/introspect?token=opaque', `https://idp/introspect?token=${redacted}`],
    ['the password of a URL', 'no postgres://roach:s3cret@db/x', `no postgres://roach:${redacted}@db/x`],
    ['the password of a URL without a user', 'redis://:s3cret@cache', `redis://:${redacted}@cache`],
  ])('%s is taken out', (_, text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it('leaves text without credentials as it is', () => {
    const text =
      'the key set of https://dev-1.okta.com:443/oauth2/default/v1/keys holds 2 keys, says a@b.test';
    expect(redactText(text)).toBe(text);
  });
});

describe('values that are about to be logged', () => {
  it('lose secret members at every depth and inside arrays', () => {
    const value = {
      request: { headers: [{ Authorization: 'Basic x' }], body: { form: { client_secret: 's' } } },
      id: 1,
    };
    expect(redact(value)).toEqual({
      request: { headers: [{ Authorization: redacted }], body: { form: { client_secret: redacted } } },
      id: 1,
    });
  });

  it('lose secret members whose value is no text', () => {
    expect(redact({ token: { value: 'x' }, cookies: ['a', 'b'], password: 4711 })).toEqual({
      token: redacted,
      cookies: redacted,
      password: redacted,
    });
  });

  it('keep of an error its name, message, code, stack and causes, and nothing that a client hung on it', () => {
    const cause = Object.assign(new Error(`refused ${jwt}`), { code: 'ECONNREFUSED' });
    const error = Object.assign(new TypeError('no answer', { cause }), {
      config: { headers: { 'x-custom': 'sensitive' } },
    });
    expect(redact(error)).toEqual({
      type: 'TypeError',
      message: 'no answer',
      stack: expect.stringContaining('no answer') as string,
      cause: {
        type: 'Error',
        message: `refused ${redacted}`,
        code: 'ECONNREFUSED',
        stack: expect.stringContaining(`refused ${redacted}`) as string,
      },
    });
  });

  it('name the errors inside an AggregateError', () => {
    const error = new AggregateError([new Error('first'), new Error('second')], 'all failed');
    expect(redact(error)).toMatchObject({ errors: [{ message: 'first' }, { message: 'second' }] });
  });

  it('are bounded in depth, so that a cycle ends', () => {
    const cycle: Record<string, unknown> = { name: 'a' };
    cycle.self = cycle;
    expect(JSON.stringify(redact(cycle))).toContain('[deeper]');
  });

  it('are bounded in breadth and in the length of text', () => {
    const wide = redact(Array.from({ length: 5000 }, (_, index) => index)) as unknown[];
    expect(wide.length).toBeLessThanOrEqual(100);
    expect((redact('x'.repeat(100_000)) as string).length).toBeLessThan(10_000);
  });

  it('become JSON whatever they were', () => {
    const odd = {
      big: 1n,
      when: new Date(0),
      never: new Date(Number.NaN),
      bytes: Buffer.from('secret'),
      none: null,
    };
    expect(redact(odd)).toEqual({
      big: '1',
      when: '1970-01-01T00:00:00.000Z',
      never: null,
      bytes: '[6 bytes]',
      none: null,
    });
  });
});
