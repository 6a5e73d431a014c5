import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  authenticationCleartextPassword,
  authenticationOk,
  authenticationSasl,
  authenticationSaslContinue,
  backendKeyData,
  errorResponse,
  negotiateProtocolVersion,
} from '../../../src/gateway/wire/backend-messages.js';
import {
  authenticationOf,
  backendKeyOf,
  errorFieldsOf,
  readBackendMessage,
} from '../../../src/gateway/wire/backend-reader.js';
import { describeWithPostgres, startPostgres } from '../../support/postgres.js';
import type { PostgresServer } from '../../support/postgres.js';
import { startupPacket, verdict } from './support/startup-packets.js';

const bodyOf = (message: Buffer): Buffer => readBackendMessage(message)?.body ?? Buffer.alloc(0);

describe('what the gateway says to its clients', () => {
  it.each([
    { note: 'AuthenticationOk', message: authenticationOk(), hex: '520000000800000000' },
    {
      note: 'AuthenticationCleartextPassword',
      message: authenticationCleartextPassword(),
      hex: '520000000800000003',
    },
    {
      note: 'BackendKeyData',
      message: backendKeyData(1234, Buffer.from('0000162e', 'hex')),
      hex: '4b0000000c000004d20000162e',
    },
    {
      note: 'BackendKeyData with a negative process id',
      message: backendKeyData(-2, Buffer.alloc(4)),
      hex: '4b0000000cfffffffe00000000',
    },
  ])('has the bytes of $note', ({ message, hex }) => {
    expect(message.toString('hex')).toBe(hex);
  });

  it('has the fields of an ErrorResponse in their order', () => {
    const message = errorResponse({ severity: 'FATAL', sqlState: '28P01', message: 'ć' });
    expect(message).toEqual(Buffer.from('E\0\0\0\x1eSFATAL\0VFATAL\0C28P01\0M\u0107\0\0'));
  });

  it('has detail and hint of an ErrorResponse where there are any', () => {
    const error = { severity: 'ERROR', sqlState: '28000', message: 'no', detail: 'd', hint: '' } as const;
    expect(Object.fromEntries(errorFieldsOf(bodyOf(errorResponse(error))))).toEqual({
      S: 'ERROR',
      V: 'ERROR',
      C: '28000',
      M: 'no',
      D: 'd',
      H: '',
    });
  });

  it('has no further field in an ErrorResponse, whatever the text', () => {
    const texts = fc.string({ unit: fc.constantFrom('\0', 'M', 'C', 'x', '\n') });
    fc.assert(
      fc.property(texts, texts, (message, detail) => {
        const body = bodyOf(errorResponse({ severity: 'FATAL', sqlState: '08P01', message, detail }));
        const fields = errorFieldsOf(body);
        expect([...fields.keys()].join('')).toBe('SVCMD');
        expect([fields.get('M'), fields.get('D')]).toEqual(
          [message, detail].map((text) => text.replaceAll('\0', '')),
        );
      }),
    );
  });

  it('comes back as it was written', () => {
    const anyBytes = fc.uint8Array({ minLength: 4, maxLength: 256 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.integer(), anyBytes, (processId, bytes) => {
        expect(backendKeyOf(bodyOf(backendKeyData(processId, bytes)))).toEqual({ processId, secret: bytes });
        const authentication = authenticationOf(bodyOf(authenticationSaslContinue(bytes)));
        expect(authentication).toEqual({ kind: 'saslContinue', data: bytes });
      }),
    );
  });
});

describe('NegotiateProtocolVersion (8)', () => {
  it('names protocol 3.0 as a whole number, and every unknown option', () => {
    const message = negotiateProtocolVersion(0, ['_pq_.a', '_pq_.b']);
    expect(message).toEqual(Buffer.from('v\0\0\0\x1a\0\x03\0\0\0\0\0\x02_pq_.a\0_pq_.b\0'));
  });

  it('may name no option', () => {
    expect(negotiateProtocolVersion(0, []).toString('hex')).toBe('760000000c0003000000000000');
  });
});

describe('AuthenticationSASL (18)', () => {
  it('offers its mechanisms in order', () => {
    const message = authenticationSasl(['OAUTHBEARER']);
    expect(message).toEqual(Buffer.from('R\0\0\0\x15\0\0\0\x0aOAUTHBEARER\0\0'));
    const mechanisms = ['A', 'B'];
    expect(authenticationOf(bodyOf(authenticationSasl(mechanisms)))).toEqual({ kind: 'sasl', mechanisms });
  });
});

describeWithPostgres('a PostgreSQL server (8, 9)', (binaries) => {
  /** The first message with which a server answers to bytes. */
  async function answerTo(port: number, bytes: Buffer): Promise<Buffer> {
    const socket = connect(port, '127.0.0.1');
    socket.write(bytes);
    let received = Buffer.alloc(0);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      const message = readBackendMessage(received);
      if (message !== undefined) return received.subarray(0, message.length);
    }
    return received;
  }

  let server: PostgresServer;
  let port: number;

  beforeAll(async () => {
    server = await startPostgres(binaries);
    port = Number(new URL(await server.newDatabase()).port);
  });

  afterAll(() => server.close());

  it('says the same to who asks for more than it speaks', async () => {
    const greased = startupPacket('user\0issuer\0_pq_.a\0x\0_pq_.b\0y\0\0', { version: 0x0003_270f });
    expect(await answerTo(port, greased)).toEqual(negotiateProtocolVersion(0, ['_pq_.a', '_pq_.b']));
  });

  it.each([
    { note: 'no user', packet: startupPacket('database\0x\0\0') },
    { note: 'an empty user', packet: startupPacket('user\0\0\0') },
    { note: 'no terminator', packet: startupPacket('user\0app\0') },
    { note: 'an empty name', packet: startupPacket('\0app\0\0') },
    { note: 'a byte behind the terminator', packet: startupPacket('user\0app\0\0x') },
    { note: 'protocol 4', packet: startupPacket('user\0app\0\0', { version: 0x0004_0000 }) },
  ])('says the same of a packet with $note', async ({ packet }) => {
    const fields = errorFieldsOf(bodyOf(await answerTo(port, packet)));
    expect(`${fields.get('C') ?? ''} ${fields.get('M') ?? ''}`).toBe(verdict(packet));
  });
});
