import { describe, expect, it } from 'vitest';
import type { UpstreamFailure } from '../../src/base/upstream.js';
import { Introspection } from '../../src/token/introspection.js';
import type { IntrospectionClaim } from '../../src/token/introspection.js';
import type { Misbehaviour } from '../support/misbehaviours.js';
import { introspectionOf } from '../support/token-table.js';
import { farExpiry, keySetOf, machineClaims, makeKey, testClientId, testNow } from '../support/tokens.js';
import type { Claims } from '../support/tokens.js';
import { oktaPartsForTest } from './support/okta-parts.js';
import { json, scriptedUpstream, text } from './support/scripted-call.js';

const token = 'opaque-or-not';
const active = introspectionOf(machineClaims());
const setUp = (timeoutMs?: number) =>
  oktaPartsForTest({ keySet: keySetOf(makeKey('k')), ...(timeoutMs === undefined ? {} : { timeoutMs }) });

/** What becomes of an active answer with these changes; a member that is undefined is absent. */
async function codeOf(changes: Claims, optionalClaims: IntrospectionClaim[] = []): Promise<string> {
  const { okta, introspection } = await oktaPartsForTest({ keySet: {}, optionalClaims });
  okta.introspects(token, { ...active, ...changes });
  const outcome = await introspection.introspect(token);
  return outcome.ok ? 'accepted' : outcome.code;
}

describe('introspection', () => {
  it('asks as RFC 7662 says, with the client authenticated in the header and the token in the body', async () => {
    const { okta, introspection } = await setUp();
    await introspection.introspect('a+b/c=&d');
    const [request] = okta.requests;
    expect(request).toMatchObject({
      method: 'POST',
      url: '/oauth2/default/v1/introspect',
      body: 'token=a%2Bb%2Fc%3D%26d&token_type_hint=access_token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(okta.introspected()).toEqual(['a+b/c=&d']);
  });

  it('gives the members of an active answer', async () => {
    const { okta, introspection } = await setUp();
    okta.introspects(token, active);
    expect(await introspection.introspect(token)).toEqual({ ok: true, value: active });
  });

  it('form-encodes credentials before it joins them, since either may hold a colon', async () => {
    const upstream = scriptedUpstream();
    const { expected, clock } = await setUp();
    const introspection = new Introspection({
      url: new URL('https://idp.test/v1/introspect'),
      clientId: 'client:1',
      clientSecret: 's%c&r t:ä',
      call: upstream.call,
      timeoutMs: 1000,
      expected,
      requiredClaims: new Set(),
      clock: clock.now,
    });
    void introspection.introspect(token);
    const { authorization = '' } = upstream.requests[0]?.headers ?? {};
    const decoded = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString();
    expect(decoded.split(':').map(decodeURIComponent)).toEqual(['client:1', 's%c&r t:ä']);
    upstream.answer(json({ active: false }));
  });

  it.each<{ note: string; changes: Claims; code: string }>([
    { note: 'inactive', changes: { active: false }, code: 'inactive' },
    { note: 'active in a string, which is no answer', changes: { active: 'true' }, code: 'unavailable' },
    { note: 'active as a number, which is no answer', changes: { active: 1 }, code: 'unavailable' },
    { note: 'without active, which is no answer', changes: { active: undefined }, code: 'unavailable' },
    { note: 'expired although active', changes: { exp: testNow / 1000 }, code: 'expired' },
    { note: 'with exp in a string', changes: { exp: String(farExpiry) }, code: 'invalid_claim' },
    { note: 'of another issuer', changes: { iss: 'https://x.test' }, code: 'wrong_issuer' },
    { note: 'for another audience', changes: { aud: 'api://x' }, code: 'wrong_audience' },
    { note: 'of another client', changes: { client_id: '0oaX' }, code: 'wrong_client' },
    { note: 'whose client is no string', changes: { client_id: 1 }, code: 'invalid_claim' },
    { note: 'whose client is null', changes: { client_id: null }, code: 'invalid_claim' },
    { note: 'without a client', changes: { client_id: undefined }, code: 'accepted' },
    { note: 'without sub', changes: { sub: undefined }, code: 'invalid_claim' },
    { note: 'with an empty sub', changes: { sub: '' }, code: 'invalid_claim' },
    { note: 'whose uid is no string', changes: { uid: 1 }, code: 'invalid_claim' },
    { note: 'whose jti is no string', changes: { jti: {} }, code: 'invalid_claim' },
    { note: 'whose scope is an array', changes: { scope: ['a'] }, code: 'invalid_claim' },
    { note: 'whose scopes are parted by two spaces', changes: { scope: 'a  b' }, code: 'invalid_claim' },
    { note: 'whose scope has a line feed', changes: { scope: 'a\nb' }, code: 'invalid_claim' },
    { note: 'with an empty scope', changes: { scope: '' }, code: 'accepted' },
    { note: 'not yet to be used (nbf)', changes: { nbf: testNow / 1000 + 1 }, code: 'not_yet_valid' },
    { note: 'with nbf in a string', changes: { nbf: '0' }, code: 'invalid_claim' },
  ])('judges an answer $note: $code', async ({ changes, code }) => {
    expect(await codeOf(changes)).toBe(code);
  });

  it.each(['iss', 'aud', 'exp'] as const)(
    'requires %s, unless the settings make it optional',
    async (claim) => {
      expect(await codeOf({ [claim]: undefined })).toBe('invalid_claim');
      expect(await codeOf({ [claim]: undefined }, [claim])).toBe('accepted');
    },
  );

  it.each([
    { claim: 'iss', value: 'https://x.test', code: 'wrong_issuer' },
    { claim: 'aud', value: 'api://x', code: 'wrong_audience' },
    { claim: 'exp', value: 1, code: 'expired' },
    { claim: 'exp', value: null, code: 'invalid_claim' },
  ] as const)('checks an optional $claim where it is carried', async ({ claim, value, code }) => {
    expect(await codeOf({ [claim]: value }, [claim])).toBe(code);
  });

  it.each([
    { note: 'no JSON', body: '<!doctype html>' },
    { note: 'an array', body: '[{"active":true}]' },
    { note: 'active twice', body: '{"active":false,"active":true}' },
    { note: 'a member twice, one spelled with an escape', body: '{"active":true,"sub":"a","\\u0073ub":"b"}' },
    { note: 'nothing', body: '' },
  ])('takes $note for no answer', async ({ body }) => {
    const upstream = scriptedUpstream();
    const { expected, clock } = await setUp();
    const credentials = { clientId: testClientId, clientSecret: 'x' };
    const url = new URL('https://idp.test/v1/introspect');
    const options = { url, call: upstream.call, timeoutMs: 1000, expected, clock: clock.now, ...credentials };
    const outcome = new Introspection({ ...options, requiredClaims: new Set() }).introspect(token);
    upstream.answer(text(body));
    expect(await outcome).toMatchObject({ ok: false, code: 'unavailable' });
  });
});

describe('introspection while the issuer is away', () => {
  const faults: readonly (readonly [Misbehaviour, UpstreamFailure])[] = [
    ['refused', 'unreachable'],
    ['silent', 'timeout'],
    ['reset mid-body', 'broken'],
    ['drip', 'timeout'],
    ['status 500', 'status'],
    ['status 429', 'rate_limited'],
    ['redirect', 'redirect'],
    ['html', 'misshapen'],
    ['broken JSON', 'misshapen'],
    ['huge body', 'oversized'],
    ['gzip bomb', 'misshapen'],
  ];

  it.each(faults)(
    'and %s: unavailable (%s), not refused, and good again afterwards',
    async (how, failure) => {
      const { okta, introspection } = await setUp(300);
      okta.introspects(token, active);
      await okta.misbehave(how);
      const outcome = await introspection.introspect(token);
      expect(outcome).toMatchObject({
        ok: false,
        code: 'unavailable',
        retryAfterSeconds: how === 'status 429' ? 2 : 1,
      });
      expect([...introspection.failures.entries()]).toEqual([
        { upstream: 'okta_introspection', failure, count: 1 },
      ]);
      expect(okta.introspected().length).toBeLessThanOrEqual(1);
      await okta.misbehave('well');
      expect(await introspection.introspect(token)).toMatchObject({ ok: true });
    },
  );

  it('names neither the token nor the secret', async () => {
    const { okta, introspection } = await setUp(300);
    await okta.misbehave('broken JSON');
    const outcome = await introspection.introspect('c2VjcmV0LXRva2Vu');
    expect(JSON.stringify(outcome)).not.toMatch(/c2VjcmV0LXRva2Vu|test-client-secret/);
  });
});

describe('the probe of readiness', () => {
  it('is content when the issuer accepts the credentials', async () => {
    const { introspection } = await setUp();
    expect(await introspection.probe()).toEqual({ ok: true, value: null });
  });

  it('is not when the secret is wrong', async () => {
    const { okta, expected, clock } = await setUp();
    const { createUndiciUpstream } = await import('../../src/base/undici-upstream.js');
    const upstream = createUndiciUpstream(okta.origin, { connections: 1, connectTimeoutMs: 1000 });
    const introspection = new Introspection({
      url: okta.introspectUrl,
      clientId: testClientId,
      clientSecret: 'wrong',
      call: upstream.call,
      timeoutMs: 1000,
      expected,
      requiredClaims: new Set(),
      clock: clock.now,
    });
    expect(await introspection.probe()).toMatchObject({ ok: false, code: 'unavailable' });
    await upstream.close();
  });
});
