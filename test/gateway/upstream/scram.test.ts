import { describe, expect, it } from 'vitest';
import { ScramKeyCache } from '../../../src/gateway/upstream/scram-keys.js';
import { ScramExchange } from '../../../src/gateway/upstream/scram.js';
import { frozenClock } from '../../support/tokens.js';
import { describeWithVectors, readJsonFile } from '../../support/vectors.js';

const nonce = 'rOprNGfwEbeRWgbNEkqO';
const serverNonce = `${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`;
const salt = 'W22ZaJ0SNY7soEsUEjb6gQ==';
const serverFirst = `r=${serverNonce},s=${salt},i=4096`;
const signature = '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

const newCache = (): ScramKeyCache => new ScramKeyCache(8, frozenClock().now);
const newExchange = (options: { role?: string; password?: string; nonce?: string } = {}): ScramExchange =>
  new ScramExchange({ role: 'user', password: 'pencil', nonce, keys: newCache(), ...options });
const failure = (kind: string, message: unknown = expect.anything()): unknown =>
  expect.objectContaining({ name: 'UpstreamError', kind, message });

interface ScramVectors {
  readonly rfc7677: Readonly<
    Record<'user' | 'password' | 'client_first' | 'server_first' | 'client_final' | 'server_final', string>
  >;
}

describeWithVectors('the exchange of RFC 7677 section 3 (20)', 'hostile/scram.json', (file) => {
  const { rfc7677: vector } = readJsonFile(file) as ScramVectors;

  it('is made byte for byte', async () => {
    const exchange = newExchange({ role: vector.user, password: vector.password });
    expect(exchange.clientFirst().toString()).toBe(vector.client_first);
    const clientFinal = await exchange.clientFinal(Buffer.from(vector.server_first));
    expect(clientFinal.toString()).toBe(vector.client_final);
    exchange.verifyServerFinal(Buffer.from(vector.server_final));
  });
});

describe('the client-first-message (20)', () => {
  it('has a nonce of 18 random bytes, new for each exchange', () => {
    const first = (): string =>
      new ScramExchange({ role: 'a', password: 'p', keys: newCache() }).clientFirst().toString();
    expect(first()).toMatch(/^n,,n=a,r=[A-Za-z0-9+/]{24}$/);
    expect(first()).not.toBe(first());
  });

  it('escapes what would end the name', () => {
    const exchange = newExchange({ role: 'a,b=c' });
    expect(exchange.clientFirst().toString()).toBe(`n,,n=a=2Cb=3Dc,r=${nonce}`);
  });
});

describe('a server-first-message (20)', () => {
  it.each([
    { note: 'a nonce that does not begin with ours', text: `r=other,s=${salt},i=4096` },
    { note: 'our nonce and nothing more', text: `r=${nonce},s=${salt},i=4096` },
    { note: 'a nonce that ours is only a part of', text: `r=x${serverNonce},s=${salt},i=4096` },
    { note: 'an empty nonce', text: `r=,s=${salt},i=4096` },
    { note: 'a blank in the nonce', text: `r=${nonce} x,s=${salt},i=4096` },
    { note: 'a mandatory extension', text: `m=x,${serverFirst}` },
    { note: 'an extension at the end', text: `${serverFirst},x=y` },
    { note: 'an empty salt', text: `r=${serverNonce},s=,i=4096` },
    { note: 'a salt without its padding', text: `r=${serverNonce},s=${salt.slice(0, -2)},i=4096` },
    { note: 'a salt in another spelling', text: `r=${serverNonce},s=W22ZaJ0SNY7soEsUEjb6gR==,i=4096` },
    { note: 'a salt of base64url', text: `r=${serverNonce},s=W22ZaJ0SNY7soEsUEjb6g-==,i=4096` },
    { note: 'no iteration count', text: `r=${serverNonce},s=${salt}` },
    { note: 'a negative iteration count', text: `r=${serverNonce},s=${salt},i=-4096` },
    { note: 'an iteration count with a zero before it', text: `r=${serverNonce},s=${salt},i=04096` },
    { note: 'an iteration count of hexadecimal', text: `r=${serverNonce},s=${salt},i=0x1000` },
    { note: 'a line feed at the end', text: `${serverFirst}\n` },
    { note: 'an error', text: 'e=other-error' },
    { note: 'nothing in it', text: '' },
  ])('with $note is refused', async ({ text }) => {
    await expect(newExchange().clientFinal(Buffer.from(text))).rejects.toEqual(failure('protocol'));
  });

  it.each(['1', '4095', '1000001', '2147483647', '9999999999'])(
    'that asks for %s iterations is refused, and nothing is derived for it',
    async (count) => {
      const text = `r=${serverNonce},s=${salt},i=${count}`;
      const refused = failure('untrusted', expect.stringContaining(`${count} SCRAM iterations`));
      await expect(newExchange().clientFinal(Buffer.from(text))).rejects.toEqual(refused);
    },
  );
});

describe('a server-final-message (20)', () => {
  const verdict = async (text: string): Promise<string> => {
    const exchange = newExchange();
    await exchange.clientFinal(Buffer.from(serverFirst));
    try {
      exchange.verifyServerFinal(Buffer.from(text));
      return 'accepted';
    } catch (error) {
      return (error as { kind: string }).kind;
    }
  };

  it.each([
    { note: 'the right signature', text: `v=${signature}`, expected: 'accepted' },
    { note: 'another signature', text: `v=${signature.replace('6', '7')}`, expected: 'untrusted' },
    { note: 'a short signature', text: 'v=AAAA', expected: 'protocol' },
    { note: 'an empty signature', text: 'v=', expected: 'protocol' },
    {
      note: 'the signature in another spelling',
      text: `v=${signature.replace('4=', '5=')}`,
      expected: 'protocol',
    },
    { note: 'an extension', text: `v=${signature},x=y`, expected: 'protocol' },
    { note: 'an error of RFC 5802', text: 'e=invalid-proof', expected: 'refused' },
    { note: 'nothing in it', text: '', expected: 'protocol' },
  ])('with $note is $expected', async ({ text, expected }) => {
    expect(await verdict(text)).toBe(expected);
  });

  it('is never accepted before the password was proved', () => {
    expect(() => {
      newExchange().verifyServerFinal(Buffer.from(`v=${signature}`));
    }).toThrow('signature is wrong');
  });
});
