import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bearerTokenOf,
  isFailureAcknowledgement,
  maxPasswordBodyLength,
  maxSaslBodyLength,
  passwordOf,
  readFrontendMessage,
  saslInitialResponseOf,
} from '../../../src/gateway/wire/frontend-messages.js';
import { passwordMessage, saslInitialResponse } from '../../../src/gateway/wire/frontend-writers.js';
import { verdictOf } from './support/startup-packets.js';

const fromHex = (hex: string): Buffer => Buffer.from(hex, 'hex');
const longest = 't'.repeat(65_535);
const tooLong = '08P01 the token is longer than 65535 bytes';

describe('a message of the client', () => {
  const read = (bytes: Buffer): unknown => readFrontendMessage(bytes, maxPasswordBodyLength);

  it('is read from the front', () => {
    const received = Buffer.concat([passwordMessage('abc'), fromHex('51')]);
    expect(read(received)).toEqual({ type: 'p', body: Buffer.from('abc\0'), length: 9 });
  });

  it('is incomplete until its last byte is there', () => {
    const message = passwordMessage('abc');
    const cuts = Array.from({ length: message.length }, (_, count) => read(message.subarray(0, count)));
    expect(cuts.every((cut) => cut === undefined)).toBe(true);
  });

  it.each(['7000000002', '70ffffffff', '707fffffff', '7000010005'])(
    'is refused at its header: %s',
    (header) => {
      expect(verdictOf(() => read(fromHex(header)))).toBe('08P01 invalid message length');
    },
  );
});

describe('a token as password (14)', () => {
  it.each([
    { note: 'one byte', password: 't' },
    { note: 'none', password: '' },
    { note: 'characters beyond ASCII', password: '\ufeffżółw' },
    { note: '65,535 bytes', password: longest },
  ])('passes with $note', ({ password }) => {
    const message = readFrontendMessage(passwordMessage(password), maxPasswordBodyLength);
    expect(passwordOf(message?.body ?? Buffer.alloc(0))).toBe(password);
  });

  it('is refused with 65,536 bytes, at the header and in the body', () => {
    const message = passwordMessage(`${longest}t`);
    expect(verdictOf(() => readFrontendMessage(message.subarray(0, 5), maxPasswordBodyLength))).toBe(
      '08P01 invalid message length',
    );
    expect(verdictOf(() => passwordOf(message.subarray(5)))).toBe(tooLong);
  });

  it.each([
    { note: 'no NUL', hex: '616263' },
    { note: 'nothing', hex: '' },
    { note: 'a NUL inside', hex: '61006200' },
    { note: 'two NULs at the end', hex: '610000' },
    { note: 'a byte behind the NUL', hex: '610062' },
  ])('is refused with $note', ({ hex }) => {
    expect(verdictOf(() => passwordOf(fromHex(hex)))).toBe('08P01 invalid password packet size');
  });

  it('is refused with bytes that are no UTF-8', () => {
    expect(verdictOf(() => passwordOf(fromHex('ff00')))).toBe(
      '08P01 invalid byte sequence for encoding "UTF8"',
    );
  });
});

describe('a SASLInitialResponse (18)', () => {
  it.each([
    { note: 'data', hex: '4f4100000000026e2c', mechanism: 'OA', data: fromHex('6e2c') },
    { note: 'empty data', hex: '4f410000000000', mechanism: 'OA', data: Buffer.alloc(0) },
    { note: 'no data', hex: '4f4100ffffffff', mechanism: 'OA', data: undefined },
    { note: 'no mechanism', hex: '00ffffffff', mechanism: '', data: undefined },
  ])('is read with $note', ({ hex, mechanism, data }) => {
    expect(saslInitialResponseOf(fromHex(hex))).toEqual({ mechanism, data });
  });

  it.each([
    { note: 'nothing', hex: '' },
    { note: 'no NUL', hex: '4f414f414f41' },
    { note: 'only a length', hex: 'ffffffff' },
    { note: 'no length', hex: '4f4100' },
    { note: 'half a length', hex: '4f41000000' },
    { note: 'less data than it says', hex: '4f4100000000026e' },
    { note: 'more data than it says', hex: '4f4100000000016e2c' },
    { note: 'data where it says none', hex: '4f4100ffffffff6e' },
    { note: 'a length of -2', hex: '4f4100fffffffe' },
    { note: 'a length of 2^31-1', hex: '4f41007fffffff' },
  ])('is refused with $note', ({ hex }) => {
    expect(verdictOf(() => saslInitialResponseOf(fromHex(hex)))).toBe('08P01 malformed SASLInitialResponse');
  });

  it('comes back as it was written', () => {
    const mechanisms = fc.string({
      unit: fc.constantFrom(...Array.from('ABC-_019')),
      minLength: 1,
      maxLength: 20,
    });
    const anyData = fc.option(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      { nil: undefined },
    );
    fc.assert(
      fc.property(mechanisms, anyData, (mechanism, data) => {
        const body = saslInitialResponse(mechanism, data).subarray(5);
        expect(saslInitialResponseOf(body)).toEqual({ mechanism, data });
      }),
    );
  });
});

describe('the initial response of OAUTHBEARER (18)', () => {
  const tokenOf = (text: string): string | undefined => bearerTokenOf(Buffer.from(text, 'latin1'));

  it.each([
    { note: 'no channel binding', text: 'n,,\x01auth=Bearer a.b-c\x01\x01', token: 'a.b-c' },
    { note: 'channel binding not offered', text: 'y,,\x01auth=Bearer abc==\x01\x01', token: 'abc==' },
    { note: 'the scheme in another case', text: 'n,,\x01auth=bEARER abc\x01\x01', token: 'abc' },
    {
      note: 'host and port (RFC 7628 section 4.1)',
      text: 'n,,\x01host=db.example\x01port=5432\x01auth=Bearer abc\x01\x01',
      token: 'abc',
    },
    {
      note: 'an unknown key with an empty value',
      text: 'n,,\x01auth=Bearer abc\x01x=\x01\x01',
      token: 'abc',
    },
    { note: 'a key that only looks like it', text: 'n,,\x01AUTH=x\x01auth=Bearer abc\x01\x01', token: 'abc' },
  ])('has a token with $note', ({ text, token }) => {
    expect(tokenOf(text)).toBe(token);
  });

  it('asks where to get a token when it has none', () => {
    expect(tokenOf('n,,\x01auth=\x01\x01')).toBe('');
  });

  it.each([
    { note: 'another scheme', auth: 'Basic Zm9vOmJhcg==' },
    { note: 'a scheme that begins alike', auth: 'BearerX abc' },
    { note: 'no token', auth: 'Bearer' },
    { note: 'an empty token', auth: 'Bearer ' },
    { note: 'two spaces', auth: 'Bearer  abc' },
    { note: 'a second word', auth: 'Bearer abc def' },
    { note: 'padding inside', auth: 'Bearer a=b' },
    { note: 'a line feed behind it', auth: 'Bearer abc\n' },
    { note: 'a quote', auth: 'Bearer "abc"' },
  ])('has no bearer token with $note', ({ auth }) => {
    expect(tokenOf(`n,,\x01auth=${auth}\x01\x01`)).toBeUndefined();
  });

  it.each([
    { note: 'nothing', text: '' },
    { note: 'only the separator', text: '\x01' },
    { note: 'no header', text: '\x01auth=Bearer abc\x01\x01' },
    { note: 'channel binding', text: 'p=tls-exporter,,\x01auth=Bearer abc\x01\x01' },
    { note: 'an unknown flag', text: 'x,,\x01auth=Bearer abc\x01\x01' },
    { note: 'an identity to act as', text: 'n,a=admin,\x01auth=Bearer abc\x01\x01' },
    { note: 'no pair', text: 'n,,\x01\x01' },
    { note: 'no auth', text: 'n,,\x01host=x\x01\x01' },
    { note: 'auth twice', text: 'n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01' },
    { note: 'no terminator', text: 'n,,\x01auth=Bearer abc\x01' },
    { note: 'no terminator at all', text: 'n,,\x01auth=Bearer abc' },
    { note: 'data behind the terminator', text: 'n,,\x01auth=Bearer abc\x01\x01x' },
    { note: 'pairs behind the terminator', text: 'n,,\x01auth=Bearer abc\x01\x01host=x\x01\x01' },
    { note: 'a third separator', text: 'n,,\x01auth=Bearer abc\x01\x01\x01' },
    { note: 'a key without a value', text: 'n,,\x01host\x01auth=Bearer abc\x01\x01' },
    { note: 'a value without a key', text: 'n,,\x01=x\x01auth=Bearer abc\x01\x01' },
    { note: 'a key of digits', text: 'n,,\x011=x\x01auth=Bearer abc\x01\x01' },
    { note: 'a NUL', text: 'n,,\x01auth=Bearer abc\0\x01\x01' },
    { note: 'bytes beyond ASCII', text: 'n,,\x01auth=Bearer \xe9\x01\x01' },
  ])('is refused with $note', ({ text }) => {
    expect(verdictOf(() => tokenOf(text))).toBe('08P01 malformed OAUTHBEARER message');
  });

  it('carries tokens of up to 65,535 bytes', () => {
    const message = (token: string): Buffer =>
      saslInitialResponse('OAUTHBEARER', Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`));
    const body = readFrontendMessage(message(longest), maxSaslBodyLength)?.body ?? Buffer.alloc(0);
    expect(bearerTokenOf(saslInitialResponseOf(body).data ?? Buffer.alloc(0))).toBe(longest);
    expect(verdictOf(() => tokenOf(`n,,\x01auth=Bearer ${longest}t\x01\x01`))).toBe(tooLong);
  });

  it.each([
    { hex: '01', is: true },
    { hex: '', is: false },
    { hex: '0101', is: false },
    { hex: '00', is: false },
  ])('is given up by the one byte 01, not by "$hex": $is', ({ hex, is }) => {
    expect(isFailureAcknowledgement(fromHex(hex))).toBe(is);
  });
});
