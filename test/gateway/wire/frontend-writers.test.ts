import { describe, expect, it } from 'vitest';
import {
  cancelRequest,
  passwordMessage,
  saslInitialResponse,
  saslResponse,
  sslRequest,
  startupMessage,
  terminate,
} from '../../../src/gateway/wire/frontend-writers.js';

const secret = Buffer.from('0000162e', 'hex');

describe('what the gateway says to the upstream', () => {
  it.each([
    { note: 'SSLRequest', message: sslRequest(), hex: '0000000804d2162f' },
    {
      note: 'StartupMessage of protocol 3.0, with its parameters in order',
      message: startupMessage(
        new Map([
          ['user', 'app'],
          ['database', 'app'],
        ]),
      ),
      hex: '0000001f000300007573657200617070006461746162617365006170700000',
    },
    {
      note: 'StartupMessage with an empty value',
      message: startupMessage([['a', '']]),
      hex: '0000000c0003000061000000',
    },
    { note: 'PasswordMessage', message: passwordMessage('abc'), hex: '700000000861626300' },
    { note: 'PasswordMessage in UTF-8', message: passwordMessage('ć'), hex: '7000000007c48700' },
    {
      note: 'SASLInitialResponse',
      message: saslInitialResponse('SCRAM-SHA-256', Buffer.from('n,,')),
      hex: '7000000019534352414d2d5348412d32353600000000036e2c2c',
    },
    {
      note: 'SASLInitialResponse without data, which is not empty data',
      message: saslInitialResponse('SCRAM-SHA-256'),
      hex: '7000000016534352414d2d5348412d32353600ffffffff',
    },
    { note: 'SASLResponse', message: saslResponse(Buffer.of(1)), hex: '700000000501' },
    { note: 'CancelRequest', message: cancelRequest(1234, secret), hex: '0000001004d2162e000004d20000162e' },
    {
      note: 'CancelRequest with a process id that does not fit a signed number',
      message: cancelRequest(0xfffffffe, secret),
      hex: '0000001004d2162efffffffe0000162e',
    },
    {
      note: 'CancelRequest with a long key (protocol 3.2)',
      message: cancelRequest(1, Buffer.alloc(32, 7)),
      hex: `0000002c04d2162e00000001${'07'.repeat(32)}`,
    },
    { note: 'Terminate', message: terminate(), hex: '5800000004' },
  ])('$note has the bytes of the protocol', ({ message, hex }) => {
    expect(message.toString('hex')).toBe(hex);
  });

  it.each([
    { note: 'a NUL in a value', write: () => startupMessage([['user', 'app\0role']]) },
    { note: 'a NUL in a name', write: () => startupMessage([['us\0er', 'app']]) },
    { note: 'a parameter without a name', write: () => startupMessage([['', 'app']]) },
    { note: 'a NUL in a password', write: () => passwordMessage('abc\0') },
    { note: 'a NUL in a mechanism', write: () => saslInitialResponse('SCRAM\0') },
  ])('$note is refused rather than sent as further fields', ({ write }) => {
    expect(write).toThrow(RangeError);
  });
});
