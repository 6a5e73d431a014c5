import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  authenticationOf,
  backendKeyOf,
  errorFieldsOf,
  readBackendMessage,
} from '../../../src/gateway/wire/backend-reader.js';
import { ProtocolViolation } from '../../../src/gateway/wire/protocol-violation.js';

const authenticationOk = Buffer.from('520000000800000000', 'hex');
const fromHex = (hex: string): Buffer => Buffer.from(hex, 'hex');
const violation = (sqlState: string): unknown =>
  expect.objectContaining({ name: 'ProtocolViolation', sqlState });

describe('a message of the upstream', () => {
  it('is read from the front, and the bytes behind it stay', () => {
    const received = Buffer.concat([authenticationOk, fromHex('5a')]);
    expect(readBackendMessage(received)).toEqual({ type: 'R', body: Buffer.alloc(4), length: 9 });
  });

  it('may have no body', () => {
    expect(readBackendMessage(fromHex('3100000004'))).toEqual({
      type: '1',
      body: Buffer.alloc(0),
      length: 5,
    });
  });

  it.each(Array.from({ length: 9 }, (_, count) => count))('is not there yet with %i bytes of it', (count) => {
    expect(readBackendMessage(authenticationOk.subarray(0, count))).toBeUndefined();
  });

  it.each([
    { note: 'a length of 3', hex: '5200000003' },
    { note: 'a length of 0', hex: '5200000000' },
    { note: 'a negative length', hex: '52ffffffff' },
    { note: '200 MB', hex: '520bebc200' },
    { note: 'one byte more than the bound', hex: '5200010005' },
  ])('is refused at its header with $note', ({ hex }) => {
    expect(() => readBackendMessage(fromHex(hex))).toThrow(violation('08P01'));
  });

  it('may be as long as the bound', () => {
    const message = Buffer.concat([fromHex('4e00010004'), Buffer.alloc(65_536)]);
    expect(readBackendMessage(message)).toMatchObject({ type: 'N', length: 65_541 });
    expect(() => readBackendMessage(message, 65_535)).toThrow(violation('08P01'));
  });
});

describe('the fields of an ErrorResponse', () => {
  const fieldsOf = (text: string): object => Object.fromEntries(errorFieldsOf(Buffer.from(text)));

  it.each([
    {
      note: 'are found by their codes',
      text: 'SFATAL\0VFATAL\0C3D000\0Mdatabase "ć" does not exist\0\0',
      fields: { S: 'FATAL', V: 'FATAL', C: '3D000', M: 'database "ć" does not exist' },
    },
    { note: 'may be empty', text: 'M\0C08006\0\0', fields: { M: '', C: '08006' } },
    { note: 'are none in an empty body', text: '', fields: {} },
    { note: 'end with the list', text: 'Ma\0\0Cx\0', fields: { M: 'a' } },
    { note: 'may break off', text: 'C08006\0Mhalf a mess', fields: { C: '08006', M: 'half a mess' } },
    { note: 'may break off behind a code', text: 'M', fields: { M: '' } },
    { note: 'count once, the first time', text: 'C28000\0C00000\0\0', fields: { C: '28000' } },
  ])('$note', ({ text, fields }) => {
    expect(fieldsOf(text)).toEqual(fields);
  });

  it('are bounded in number and in length', () => {
    const many = Array.from({ length: 200 }, (_, code) =>
      Buffer.concat([Buffer.of(code + 1), Buffer.alloc(5000, 0x61), Buffer.of(0)]),
    );
    const fields = errorFieldsOf(Buffer.concat(many));
    expect(fields.size).toBe(32);
    expect(new Set(Array.from(fields.values(), (text) => text.length))).toEqual(new Set([4096]));
  });
});

describe('an Authentication message', () => {
  it.each([
    { note: 'AuthenticationOk', hex: '00000000', authentication: { kind: 'ok' } },
    { note: 'AuthenticationCleartextPassword', hex: '00000003', authentication: { kind: 'cleartext' } },
    {
      note: 'AuthenticationMD5Password',
      hex: '00000005deadbeef',
      authentication: { kind: 'md5', salt: fromHex('deadbeef') },
    },
    {
      note: 'AuthenticationSASL with two mechanisms',
      hex: `0000000a${Buffer.from('SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0').toString('hex')}`,
      authentication: { kind: 'sasl', mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] },
    },
    {
      note: 'AuthenticationSASLContinue',
      hex: '0000000b723d61',
      authentication: { kind: 'saslContinue', data: Buffer.from('r=a') },
    },
    {
      note: 'AuthenticationSASLFinal',
      hex: '0000000c763d',
      authentication: { kind: 'saslFinal', data: Buffer.from('v=') },
    },
    { note: 'AuthenticationGSS', hex: '00000007', authentication: { kind: 'unsupported', code: 7 } },
    { note: 'AuthenticationSSPI', hex: '00000009', authentication: { kind: 'unsupported', code: 9 } },
    { note: 'a code nobody knows', hex: 'ffffffff00', authentication: { kind: 'unsupported', code: -1 } },
  ])('$note is read', ({ hex, authentication }) => {
    expect(authenticationOf(fromHex(hex))).toEqual(authentication);
  });

  it.each([
    { note: 'no code', hex: '' },
    { note: 'half a code', hex: '000000' },
    { note: 'AuthenticationOk and a byte', hex: '0000000000' },
    { note: 'AuthenticationCleartextPassword and a byte', hex: '0000000300' },
    { note: 'a salt of three bytes', hex: '00000005aabbcc' },
    { note: 'a salt of five bytes', hex: '00000005aabbccddee' },
    { note: 'no mechanism', hex: '0000000a00' },
    { note: 'only empty mechanisms', hex: '0000000a0000' },
    { note: 'mechanisms without the NUL at the end', hex: '0000000a415300' },
    { note: 'a mechanism without its NUL', hex: '0000000a410042' },
    { note: 'an empty mechanism among others', hex: '0000000a410000420000' },
  ])('is refused with $note', ({ hex }) => {
    expect(() => authenticationOf(fromHex(hex))).toThrow(violation('08P01'));
  });
});

describe('BackendKeyData', () => {
  it.each([
    { note: 'four bytes of secret', hex: '000004d20000162e', processId: 1234, secret: '0000162e' },
    { note: 'a negative process id', hex: 'fffffffe0000162e', processId: -2, secret: '0000162e' },
    {
      note: '256 bytes of secret',
      hex: `00000001${'ab'.repeat(256)}`,
      processId: 1,
      secret: 'ab'.repeat(256),
    },
  ])('is read with $note', ({ hex, processId, secret }) => {
    expect(backendKeyOf(fromHex(hex))).toEqual({ processId, secret: fromHex(secret) });
  });

  it.each(['', '000004d2', '000004d2000016', `00000001${'ab'.repeat(257)}`])('is refused as %s', (hex) => {
    expect(() => backendKeyOf(fromHex(hex))).toThrow(violation('08P01'));
  });

  it('outlives the bytes it was read from', () => {
    const body = fromHex('000004d20000162e');
    const { secret } = backendKeyOf(body);
    body.fill(0);
    expect(secret).toEqual(fromHex('0000162e'));
  });
});

it('whatever an upstream sends, nothing but a ProtocolViolation is thrown', () => {
  const anyBytes = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
  const readers = [readBackendMessage, errorFieldsOf, authenticationOf, backendKeyOf];
  fc.assert(
    fc.property(fc.constantFrom(...readers), anyBytes, (read, bytes) => {
      try {
        read(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolViolation);
      }
    }),
    { numRuns: 2000 },
  );
});
