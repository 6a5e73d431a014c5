import { constants, createHash, privateEncrypt, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keySetOf, makeKey, mint } from '../support/tokens.js';
import { startOktaParts } from './support/okta-parts.js';
import type { OktaParts } from './support/okta-parts.js';

const key = makeKey('forged');
const modulusBytes = 256;
const modulus = BigInt(`0x${Buffer.from(key.published.n, 'base64url').toString('hex')}`);

/** RFC 8017 section 9.2, note 1: what stands before a SHA-256 hash. */
const digestInfo = Buffer.from('3031300d060960864801650304020105000420', 'hex');
const digestInfoWithoutNull = Buffer.from('302f300b0609608648016503040201' + '0420', 'hex');

/** A big-endian number of as many bytes as the modulus, or more. */
function bytesOf(value: bigint, length = modulusBytes): Buffer {
  return Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex');
}

const numberOf = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`);

/** RSA's private operation on an encoded message as it is. */
function signEncoded(encoded: Buffer): Buffer {
  return privateEncrypt({ key: key.privateKey, padding: constants.RSA_NO_PADDING }, encoded);
}

/** An encoded message: 00 01 FF… 00, then `tail`; `filler` and `type` to get it wrong. */
function encode(
  tail: Buffer,
  { type = 1, filler = 0xff, padding = modulusBytes - 3 - tail.length } = {},
): Buffer {
  const head = Buffer.concat([Buffer.of(0, type), Buffer.alloc(padding, filler), Buffer.of(0), tail]);
  return Buffer.concat([head, Buffer.alloc(modulusBytes - head.length)]);
}

interface Forgery {
  readonly note: string;
  readonly forge: (good: Buffer, signed: string) => Buffer;
}

const sha256 = (signed: string) => createHash('sha256').update(signed).digest();

const forgeries: readonly Forgery[] = [
  { note: 'the first bit flipped', forge: (good) => flip(good, 0, 0x80) },
  { note: 'the last bit flipped', forge: (good) => flip(good, modulusBytes - 1, 1) },
  { note: 'all bits flipped', forge: (good) => Buffer.from(good.map((byte) => ~byte & 0xff)) },
  { note: 'reversed', forge: (good) => Buffer.from(good).reverse() },
  { note: 'zero', forge: () => bytesOf(0n) },
  { note: 'one', forge: () => bytesOf(1n) },
  { note: 'the modulus', forge: () => bytesOf(modulus) },
  { note: 'the modulus less one', forge: () => bytesOf(modulus - 1n) },
  { note: 'its negative', forge: (good) => bytesOf(modulus - numberOf(good)) },
  { note: 'not reduced', forge: (good) => bytesOf(numberOf(good) + modulus, modulusBytes + 1) },
  { note: 'a zero in front', forge: (good) => Buffer.concat([Buffer.of(0), good]) },
  { note: 'a zero behind', forge: (good) => Buffer.concat([good, Buffer.of(0)]) },
  { note: 'one byte short', forge: (good) => good.subarray(0, -1) },
  { note: 'one byte short in front', forge: (good) => good.subarray(1) },
  { note: 'of one byte', forge: () => Buffer.of(1) },
  { note: 'twice', forge: (good) => Buffer.concat([good, good]) },
  { note: 'PSS', forge: (_, signed) => signPss(signed) },
  { note: 'over SHA-1', forge: (_, signed) => sign('RSA-SHA1', Buffer.from(signed), key.privateKey) },
  { note: 'over SHA-384', forge: (_, signed) => sign('RSA-SHA384', Buffer.from(signed), key.privateKey) },
  { note: 'over SHA-512', forge: (_, signed) => sign('RSA-SHA512', Buffer.from(signed), key.privateKey) },
  {
    note: 'of another text',
    forge: (_, signed) => sign('RSA-SHA256', Buffer.from(`${signed}x`), key.privateKey),
  },
  { note: 'without DigestInfo', forge: (_, signed) => signEncoded(encode(sha256(signed))) },
  { note: 'without NULL', forge: (_, signed) => signEncoded(encode(joined(digestInfoWithoutNull, signed))) },
  {
    note: 'padding of type 2',
    forge: (_, signed) => signEncoded(encode(joined(digestInfo, signed), { type: 2 })),
  },
  {
    note: 'padding of type 0',
    forge: (_, signed) => signEncoded(encode(joined(digestInfo, signed), { type: 0 })),
  },
  {
    note: 'padded with zeros',
    forge: (_, signed) => signEncoded(encode(joined(digestInfo, signed), { filler: 0 })),
  },
  {
    note: 'short padding and garbage behind (CVE-2006-4339)',
    forge: (_, signed) => signEncoded(encode(joined(digestInfo, signed), { padding: 8 })),
  },
  {
    note: 'a length in long form',
    forge: (_, signed) => {
      const longForm = Buffer.concat([Buffer.of(0x30, 0x81), digestInfo.subarray(1)]);
      return signEncoded(encode(joined(longForm, signed)));
    },
  },
];

function joined(prefix: Buffer, signed: string): Buffer {
  return Buffer.concat([prefix, sha256(signed)]);
}

function flip(bytes: Buffer, index: number, mask: number): Buffer {
  return Buffer.from(bytes.map((byte, at) => (at === index ? byte ^ mask : byte)));
}

function signPss(signed: string): Buffer {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return sign('RSA-SHA256', Buffer.from(signed), { key: key.privateKey, padding });
}

describe('a forged signature on claims that are all in order', () => {
  let parts: OktaParts;
  let signed: string;
  let good: Buffer;

  beforeAll(async () => {
    parts = await startOktaParts({ keySet: keySetOf(key) });
    const token = await mint(key);
    signed = token.slice(0, token.lastIndexOf('.'));
    good = Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url');
  });
  afterAll(() => parts.close());

  const verify = (signature: Buffer) => parts.local.verify(`${signed}.${signature.toString('base64url')}`);

  it('is made with the right tools: the same steps without a mistake make a good one', async () => {
    const remade = signEncoded(encode(joined(digestInfo, signed)));
    expect(remade).toEqual(good);
    expect(await verify(remade)).toMatchObject({ ok: true });
  });

  it.each(forgeries)('is refused: $note', async ({ forge }) => {
    expect(await verify(forge(good, signed))).toMatchObject({ ok: false, code: 'bad_signature' });
  });

  it('is refused whichever of its bits differs', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: modulusBytes }, (_, index) => verify(flip(good, index, 1 << (index % 8)))),
    );
    expect(outcomes.map((outcome) => outcome.ok || outcome.code)).toEqual(
      good.toJSON().data.map(() => 'bad_signature'),
    );
  });
});
