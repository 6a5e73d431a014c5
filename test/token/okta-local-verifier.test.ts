import OktaJwtVerifier from '@okta/jwt-verifier';
import { describe, expect, it } from 'vitest';
import { unreadableClaims } from '../../src/token/checks.js';
import { OktaLocalVerifier } from '../../src/token/okta-local-verifier.js';
import { RemoteKeySet } from '../../src/token/key-set.js';
import { readSigningKeys } from '../../src/token/signing-keys.js';
import {
  farExpiry,
  frozenClock,
  headerText,
  keySetOf,
  machineClaims,
  makeKey,
  mint,
  mintText,
  tamper,
  testAudience,
  testClientId,
  testIssuer,
} from '../support/tokens.js';
import type { Claims } from '../support/tokens.js';
import { oktaPartsForTest } from './support/okta-parts.js';
import { json, scriptedUpstream } from './support/scripted-call.js';

const [first, second] = [makeKey('first'), makeKey('second')];
const setUp = () => oktaPartsForTest({ keySet: keySetOf(first, second) });

describe('local validation', () => {
  it('gives the claims of a valid token, whichever published key signed it', async () => {
    const { local } = await setUp();
    expect(await local.verify(await mint(first))).toEqual({ ok: true, value: machineClaims() });
    expect(await local.verify(await mint(second))).toEqual({ ok: true, value: machineClaims() });
  });

  it.each<{ note: string; token: () => Promise<string> | string; code: string }>([
    { note: 'tampered with', token: async () => tamper(await mint(first)), code: 'bad_signature' },
    {
      note: 'signed by another published key',
      token: () => mint(second, machineClaims(), { kid: 'first' }),
      code: 'bad_signature',
    },
    {
      note: 'signed by a stranger under a known kid',
      token: () => mint(makeKey('first')),
      code: 'bad_signature',
    },
    { note: 'of an unpublished key', token: () => mint(makeKey('third')), code: 'unknown_key' },
    { note: 'expired', token: () => mint(first, machineClaims({ exp: 1 })), code: 'expired' },
    {
      note: 'of another issuer',
      token: () => mint(first, machineClaims({ iss: 'x' })),
      code: 'wrong_issuer',
    },
    {
      note: 'for another audience',
      token: () => mint(first, machineClaims({ aud: 'x' })),
      code: 'wrong_audience',
    },
    {
      note: 'of another client',
      token: () => mint(first, machineClaims({ cid: 'x' })),
      code: 'wrong_client',
    },
    {
      note: 'without exp',
      token: () => mint(first, machineClaims({ exp: undefined })),
      code: 'invalid_claim',
    },
    {
      note: 'with jku',
      token: () => mint(first, machineClaims(), { jku: 'https://x.test' }),
      code: 'unsupported',
    },
    {
      note: 'with duplicate claims',
      token: () => mintText(first, headerText(first), '{"sub":"a","sub":"b"}'),
      code: 'malformed',
    },
    {
      note: 'with a duplicate header',
      token: () => mintText(first, '{"alg":"none","alg":"RS256","kid":"first"}', '{}'),
      code: 'malformed',
    },
    { note: 'opaque', token: () => 'opaque', code: 'malformed' },
  ])('refuses a token $note as $code', async ({ token, code }) => {
    const { local } = await setUp();
    expect(await local.verify(await token())).toMatchObject({ ok: false, code });
  });

  it('fetches no keys for tokens that fail without them', async () => {
    const { local, okta } = await setUp();
    const hopeless: Claims[] = [{ exp: 1 }, { iss: 'x' }, { aud: 'x' }, { cid: 'x' }, { sub: 1 }];
    for (const changes of hopeless) await local.verify(await mint(first, machineClaims(changes)));
    await local.verify('opaque');
    expect(okta.requests).toHaveLength(0);
  });

  it('is unavailable, and refuses nobody, while it has no keys', async () => {
    const { local, okta } = await setUp();
    await okta.misbehave('refused');
    expect(await local.verify(await mint(first))).toMatchObject({ ok: false, code: 'unavailable' });
  });

  it('gives the same verdict to many tokens at once as to each alone', async () => {
    const { local } = await setUp();
    const good = await mint(first);
    const tokens = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? good : tamper(good)));
    const verdicts = await Promise.all(tokens.map((token) => local.verify(token)));
    expect(verdicts.map(({ ok }) => ok)).toEqual(tokens.map((token) => token === good));
  });

  it('verifies with more keys than the library caches', async () => {
    const keys = Array.from({ length: 8 }, (_, index) => makeKey(`key-${index}`));
    const { local } = await oktaPartsForTest({ keySet: keySetOf(...keys) });
    const tokens = await Promise.all(keys.map((key) => mint(key)));
    for (const token of [...tokens, ...tokens]) expect(await local.verify(token)).toMatchObject({ ok: true });
  });

  it('stops accepting what a key signed when the key is no longer published', async () => {
    const { local, keySet, okta, clock } = await setUp();
    const token = await mint(first);
    expect(await local.verify(token)).toMatchObject({ ok: true });
    okta.publish(keySetOf(second));
    clock.advance(5_000);
    await keySet.refresh();
    clock.advance(5_000);
    expect(await local.verify(token)).toMatchObject({ ok: false, code: 'unknown_key' });
  });

  it('goes by a new key under an old kid, also when it came while a token was being verified', async () => {
    const [before, after] = [makeKey('same-kid'), makeKey('same-kid')];
    const clock = frozenClock();
    const upstream = scriptedUpstream();
    const url = new URL('https://idp.test/v1/keys');
    const onWarning = (): void => undefined;
    const keySet = new RemoteKeySet({
      read: readSigningKeys,
      url,
      call: upstream.call,
      timeoutMs: 1000,
      clock: clock.now,
      onWarning,
    });
    const expected = { issuer: testIssuer, audience: testAudience, clients: new Set([testClientId]) };
    const local = new OktaLocalVerifier(expected, keySet, clock.now);
    const [tokenBefore, tokenAfter] = [await mint(before), await mint(after)];
    void keySet.refresh();
    upstream.answer(json(keySetOf(before)));
    await keySet.refresh();
    clock.advance(5_000);

    const refreshing = keySet.refresh();
    upstream.answer(json(keySetOf(after)));
    await Promise.all([local.verify(tokenBefore), refreshing]);

    expect(await local.verify(tokenAfter)).toMatchObject({ ok: true });
    expect(await local.verify(tokenBefore)).toMatchObject({ ok: false, code: 'bad_signature' });
    keySet.close();
  });

  it('takes a plain http issuer, which the settings allow on loopback', async () => {
    const issuer = 'http://127.0.0.1:8087/oauth2/default';
    const { local } = await oktaPartsForTest({ keySet: keySetOf(first), expected: { issuer } });
    expect(await local.verify(await mint(first, machineClaims({ iss: issuer })))).toMatchObject({ ok: true });
  });

  it('tells an expired token by its own clock, not by the time of day', async () => {
    const { local, clock } = await setUp();
    const token = await mint(first);
    clock.advance(farExpiry * 1000 - clock.now());
    expect(await local.verify(token)).toMatchObject({ ok: false, code: 'expired' });
  });

  it.each(unreadableClaims)(
    'says why it refuses a claim named %s: the library would blame the signature',
    async (name) => {
      const token = await mint(first, machineClaims({ [name]: 'x' }));
      const getKeysInterceptor = () => Promise.resolve([first.published]);
      const library = new OktaJwtVerifier({ issuer: testIssuer, getKeysInterceptor });
      await expect(library.verifyAccessToken(token, testAudience)).rejects.toThrow();
      const { local } = await setUp();
      expect(await local.verify(token)).toMatchObject({ ok: false, code: 'invalid_claim' });
    },
  );
});
