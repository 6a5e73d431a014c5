import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { passwordMessage, sslRequest } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient } from './support/raw-client.js';
import { answerTo, encryptedClient, openRawSession, startupOf, tokenOf } from './support/raw-session.js';

const gssEncRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 48]);
const stuffed = 'received unencrypted data after SSL request';

describeWithPostgres('a client that asks for encryption', (binaries) => {
  describe('of a gateway that has it', () => {
    let gateway: TestGateway;
    beforeAll(async () => {
      gateway = await startTestGateway(binaries, { DOWNSTREAM__SSLMODE: 'allow' });
    });
    afterAll(() => gateway.close());

    const plain = (): Promise<RawClient> => RawClient.connect(gateway.port);

    it('is told S, and goes on in TLS (1)', async () => {
      const client = await plain();
      expect(await answerTo(client, sslRequest())).toBe('S');
      const secured = connectTls({ socket: client.socket, ca: gateway.ca, servername: 'localhost' });
      await once(secured, 'secureConnect');
      const { greeting } = await openRawSession(gateway, new RawClient(secured));
      expect(greeting.at(-1)?.type).toBe('Z');
      secured.destroy();
    });

    it('may not ask again instead of beginning with TLS (1)', async () => {
      const client = await plain();
      expect(await answerTo(client, sslRequest())).toBe('S');
      client.socket.write(sslRequest());
      // An alert of TLS (RFC 8446 section 5.1) or nothing: who expects TLS understands no other words.
      expect(['', '\x15']).toContain((await client.rest()).slice(0, 1));
    });

    it.each([
      ['TLS', sslRequest()],
      ['GSSAPI encryption', gssEncRequest],
    ])('may not ask for %s inside TLS (1)', async (_, request) => {
      const client = await encryptedClient(gateway);
      client.socket.write(request);
      const [refusal] = await client.readUntil('E');
      expect(refusal?.body.toString()).toContain(
        'SFATAL\0VFATAL\0C08P01\0Ma request for encryption on an encrypted connection\0',
      );
      expect(await client.rest()).toBe('');
    });

    it('may not ask for GSSAPI encryption twice (3)', async () => {
      const client = await plain();
      expect(await answerTo(client, gssEncRequest)).toBe('N');
      client.socket.write(gssEncRequest);
      const [refusal] = await client.readUntil('E');
      expect(refusal?.body.toString()).toContain('C08P01');
    });

    const loginRecords = (before: number): readonly string[] =>
      gateway.log.slice(before).filter((line) => line.includes('"msg":"login"'));

    it('may send nothing behind the request, and nothing of it is read (2)', async () => {
      const before = gateway.log.length;
      const client = await plain();
      const login = Buffer.concat([startupOf(gateway), passwordMessage(tokenOf(gateway))]);
      client.socket.write(Buffer.concat([sslRequest(), login]));
      const [refusal] = await client.readUntil('E');
      expect(refusal?.body.toString()).toBe(`SFATAL\0VFATAL\0C08P01\0M${stuffed}\0\0`);
      expect(await client.rest()).toBe('');
      await vi.waitFor(() => {
        expect(loginRecords(before)).toHaveLength(1);
      });
      expect(loginRecords(before)[0]).not.toContain('alice');
    });

    it('has what it sends in plain behind the answer taken for TLS, which it is not (2)', async () => {
      const before = gateway.log.length;
      const client = await plain();
      expect(await answerTo(client, sslRequest())).toBe('S');
      client.socket.write(Buffer.concat([startupOf(gateway), passwordMessage(tokenOf(gateway))]));
      expect(await client.rest()).not.toContain('R\0\0\0');
      await vi.waitFor(() => {
        expect(loginRecords(before)).toHaveLength(1);
      });
      expect(loginRecords(before)[0]).not.toContain('alice');
    });
  });

  describe('of a gateway that has none', () => {
    let gateway: TestGateway;
    beforeAll(async () => {
      gateway = await startTestGateway(binaries, { DOWNSTREAM__SSLMODE: 'disable' });
    });
    afterAll(() => gateway.close());

    it('is told N, and may go on in plain (1)', async () => {
      const client = await RawClient.connect(gateway.port);
      expect(await answerTo(client, sslRequest())).toBe('N');
      const { greeting } = await openRawSession(gateway, client);
      expect(greeting.at(-1)?.type).toBe('Z');
      client.socket.destroy();
    });

    it('may not ask again (1)', async () => {
      const client = await RawClient.connect(gateway.port);
      expect(await answerTo(client, sslRequest())).toBe('N');
      client.socket.write(sslRequest());
      const [refusal] = await client.readUntil('E');
      expect(refusal?.body.toString()).toContain('C08P01\0Ma second request for TLS\0');
    });

    it('may not begin with TLS (4)', async () => {
      const { socket } = await RawClient.connect(gateway.port);
      const secured = connectTls({ socket, ca: gateway.ca, ALPNProtocols: ['postgresql'] });
      const [error] = (await once(secured, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toMatch(/^ERR_SSL_/);
    });
  });
});
