import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cancelRequest } from '../../../src/gateway/wire/frontend-writers.js';
import { readInitialPacket } from '../../../src/gateway/wire/initial-packet.js';
import { refusals, startupPacket, verdict } from './support/startup-packets.js';

const fromHex = (hex: string): Buffer => Buffer.from(hex, 'hex');
const sslRequest = fromHex('0000000804d2162f');
const gssEncRequest = fromHex('0000000804d21630');

describe('a request for TLS (1)', () => {
  it('is eight bytes', () => {
    expect(readInitialPacket(sslRequest)).toEqual({ length: 8, request: { kind: 'ssl' } });
  });

  it('is refused at its code with another length', () => {
    expect(verdict(fromHex('0000000904d2162f'))).toBe(refusals.length);
  });

  it('is refused twice in one packet', () => {
    expect(verdict(Buffer.concat([sslRequest, sslRequest]))).toBe(refusals.behindSsl);
  });
});

describe('bytes behind a request for encryption (2)', () => {
  it.each([
    { note: 'a StartupMessage', behind: startupPacket('user\0app\0\0') },
    { note: 'the beginning of a TLS handshake', behind: fromHex('160301') },
    { note: 'one byte', behind: fromHex('00') },
  ])('are refused, as $note', ({ behind }) => {
    expect(verdict(Buffer.concat([sslRequest, behind]))).toBe(refusals.behindSsl);
    expect(verdict(Buffer.concat([gssEncRequest, behind]))).toBe(
      '08P01 received unencrypted data after GSSAPI encryption request',
    );
  });

  it('are the next message behind a StartupMessage', () => {
    const packet = startupPacket('user\0app\0\0');
    expect(readInitialPacket(Buffer.concat([packet, fromHex('70')]))).toMatchObject({
      length: packet.length,
    });
  });
});

describe('a request for GSSAPI encryption (3)', () => {
  it('is eight bytes', () => {
    expect(readInitialPacket(gssEncRequest)).toEqual({ length: 8, request: { kind: 'gssenc' } });
  });

  it('is refused at its code with another length', () => {
    expect(verdict(fromHex('0000001004d21630'))).toBe(refusals.length);
  });
});

describe('the first bytes of TLS (4)', () => {
  it('are no packet: a listener that takes direct TLS looks for 0x16 first', () => {
    expect(verdict(fromHex('16030102'))).toBe(refusals.length);
  });
});

describe('the length of a startup packet (5)', () => {
  it.each([
    { length: '00000000' },
    { length: '00000003' },
    { length: '00000004' },
    { length: '00000007' },
    { length: '00002711' },
    { length: '7fffffff' },
    { length: '80000000' },
    { length: 'ffffffff' },
  ])('is refused with its four bytes: $length', ({ length }) => {
    expect(verdict(fromHex(length))).toBe(refusals.length);
  });
});

describe('a CancelRequest', () => {
  it.each([
    {
      note: 'four bytes of key',
      hex: '0000001004d2162e000004d20000162e',
      processId: 1234,
      secret: '0000162e',
    },
    {
      note: 'a negative process id',
      hex: '0000001004d2162efffffffe0000162e',
      processId: -2,
      secret: '0000162e',
    },
    {
      note: '256 bytes of key (protocol 3.2)',
      hex: `0000010c04d2162e00000001${'ab'.repeat(256)}`,
      processId: 1,
      secret: 'ab'.repeat(256),
    },
  ])('is read with $note', ({ hex, processId, secret }) => {
    const request = { kind: 'cancel', processId, secret: fromHex(secret) };
    expect(readInitialPacket(fromHex(hex))).toEqual({ length: hex.length / 2, request });
  });

  it.each([
    { note: 'no key', hex: '0000000c04d2162e' },
    { note: 'three bytes of key', hex: '0000000f04d2162e' },
    { note: '257 bytes of key', hex: '0000010d04d2162e' },
  ])('is refused at its code with $note', ({ hex }) => {
    expect(verdict(fromHex(hex))).toBe(refusals.length);
  });

  it('has a key of its own that outlives the bytes received', () => {
    const received = fromHex('0000001004d2162e000004d20000162e');
    const request = readInitialPacket(received)?.request;
    received.fill(0);
    expect(request).toMatchObject({ secret: fromHex('0000162e') });
  });

  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.integer(), fc.uint8Array({ minLength: 4, maxLength: 256 }), (processId, key) => {
        const secret = Buffer.from(key);
        const request = { kind: 'cancel', processId, secret };
        expect(readInitialPacket(cancelRequest(processId, secret))?.request).toEqual(request);
      }),
    );
  });
});
