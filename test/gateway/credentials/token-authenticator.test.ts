import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readIssuerKeys } from '../../../src/gateway/credentials/issuer-keys.js';
import { TokenAuthenticator } from '../../../src/gateway/credentials/token-authenticator.js';
import type { TrustedKeys } from '../../../src/gateway/credentials/token-authenticator.js';
import { RemoteKeySet } from '../../../src/token/key-set.js';
import { accept } from '../../../src/base/outcome.js';
import {
  frozenClock,
  keySetOf,
  machineClaims,
  makeKey,
  mint,
  testAudience,
  testIssuer,
  testNow,
} from '../../support/tokens.js';
import type { PublishedKeySet } from '../../support/tokens.js';
import { signToken } from '../support/gateway.js';

const minute = 60_000;

/** An authenticator, and the clock that it goes by. */
function authenticatorFor(trusted: Partial<TrustedKeys>, clock = frozenClock()) {
  const authenticator = new TokenAuthenticator({ staticKeys: [], issuers: [], ...trusted }, clock.now);
  const verdict = async (token: string): Promise<string> => {
    const outcome = await authenticator.authenticate(token);
    return outcome.ok ? outcome.value.principal.sub : outcome.code;
  };
  return { authenticator, verdict, clock };
}

/** The issuer of the test tokens, publishing what it is told to. */
function issuerPublishing(first: PublishedKeySet) {
  const clock = frozenClock();
  let published = first;
  const keySet = new RemoteKeySet({
    read: readIssuerKeys,
    url: new URL(`${testIssuer}/v1/keys`),
    call: () => Promise.resolve(accept({ status: 200, headers: {}, text: JSON.stringify(published) })),
    timeoutMs: 1_000,
    clock: clock.now,
    onWarning: () => undefined,
  });
  onTestFinished(() => {
    keySet.close();
  });
  return {
    issuer: { issuer: testIssuer, audiences: [testAudience], keySet },
    clock,
    publish: async (next: PublishedKeySet): Promise<void> => {
      published = next;
      clock.advance(minute);
      await keySet.refresh();
    },
  };
}

describe('a token that was verified before', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');

  it('is not verified anew', async () => {
    const { authenticator } = authenticatorFor({ staticKeys: [publicKey] });
    const token = signToken({ sub: 'alice', exp: testNow / 1000 + 100 }, privateKey);
    const [first, second] = [
      await authenticator.authenticate(token),
      await authenticator.authenticate(token),
    ];
    expect(first).toMatchObject({ ok: true, value: { principal: { sub: 'alice' } } });
    expect(second.ok && first.ok && second.value === first.value).toBe(true);
  });

  it('counts until its exp', async () => {
    const { verdict, clock } = authenticatorFor({ staticKeys: [publicKey] });
    const token = signToken({ sub: 'alice', exp: testNow / 1000 + 100 }, privateKey);
    expect(await verdict(token)).toBe('alice');
    clock.advance(99_000);
    expect(await verdict(token)).toBe('alice');
    clock.advance(1_000);
    expect(await verdict(token)).toBe('expired');
  });

  it('counts as long as its key is published (27)', async () => {
    const [first, second] = [makeKey('first'), makeKey('second')];
    const { issuer, clock, publish } = issuerPublishing(keySetOf(first));
    const { verdict } = authenticatorFor({ issuers: [issuer] }, clock);
    const token = await mint(first);
    const sub = machineClaims().sub;
    expect(await verdict(token)).toBe(sub);
    await publish(keySetOf(first, second));
    expect(await verdict(token)).toBe(sub);
    await publish(keySetOf(second));
    expect(await verdict(token)).toBe('unknown_key');
  });

  it('is not taken for another that differs in one letter of its signature', async () => {
    const { verdict } = authenticatorFor({ staticKeys: [publicKey] });
    const token = signToken({ sub: 'alice', exp: testNow / 1000 + 100 }, privateKey);
    expect(await verdict(token)).toBe('alice');
    const index = token.lastIndexOf('.') + 10;
    const changed = token.slice(0, index) + (token[index] === 'A' ? 'B' : 'A') + token.slice(index + 1);
    expect(await verdict(changed)).toBe('bad_signature');
  });
});

describe('the tokens of several issuers', () => {
  it('are each verified by the keys of their own', async () => {
    const key = makeKey('first');
    const { issuer, clock } = issuerPublishing(keySetOf(key));
    const other = issuerPublishing(keySetOf(makeKey('first')));
    const issuers = [{ ...other.issuer, issuer: 'https://idp.test' }, issuer];
    const { verdict } = authenticatorFor({ issuers }, clock);
    expect(await verdict(await mint(key))).toBe(machineClaims().sub);
    expect(await verdict(await mint(key, machineClaims({ iss: 'https://idp.test' })))).toBe('bad_signature');
    expect(await verdict(await mint(key, machineClaims({ iss: 'https://else.test' })))).toBe('wrong_issuer');
  });
});
