import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { cancelRequest, passwordMessage } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { startPassage } from './support/passage.js';
import type { Passage } from './support/passage.js';
import { RawClient, queryMessage } from './support/raw-client.js';
import type { RawMessage } from './support/raw-client.js';
import { openRawSession, startupOf, tokenOf } from './support/raw-session.js';
import {
  errorResponse,
  noticeResponse,
  ok,
  parameterStatus,
  readyForQuery,
  script,
} from './upstream/support/backend-script.js';
import { greeting, says } from './upstream/support/scripted-login.js';

describeWithPostgres('what the server says', (binaries) => {
  let passage: Passage;
  let gateway: TestGateway;
  beforeAll(async () => {
    passage = await startPassage();
    // By this clock logins are far apart, and each makes a connection of its own.
    let now = Date.now();
    const clock = (): number => (now += 10_000);
    const settings = { DOWNSTREAM__SSLMODE: 'allow', GATEWAY_MAX_SESSION: 'none' };
    gateway = await startTestGateway(binaries, settings, clock, passage);
  });
  afterAll(async () => {
    await gateway.close();
    await passage.close();
  });

  /** All that a client is sent behind its token, with a server that answers like this. */
  async function told(serve: (socket: Socket) => unknown, until = 'Z'): Promise<readonly RawMessage[]> {
    passage.nextMeets(serve);
    const client = await RawClient.connect(gateway.port);
    client.socket.write(startupOf(gateway));
    await client.readUntil('R');
    client.socket.write(passwordMessage(tokenOf(gateway)));
    const messages = await client.readUntil(until);
    client.socket.destroy();
    return messages;
  }

  const typesOf = (messages: readonly RawMessage[]): string => messages.map(({ type }) => type).join('');

  it('when it lets the gateway in is passed on behind AuthenticationOk, notices too (21)', async () => {
    const messages = await told(script(says(greeting)));
    expect(typesOf(messages)).toBe('RKSNZ');
    expect(messages[0]?.body).toEqual(ok.subarray(5));
    const [, , status, notice, ready] = messages.map(({ body }) => body);
    expect([status, notice, ready]).toEqual(
      [parameterStatus, noticeResponse, readyForQuery].map((message) => message.subarray(5)),
    );
  });

  it.each<[string, (socket: Socket) => unknown]>([
    ['refuses the gateway', script(says(errorResponse('28P01', 'a word of the server')))],
    ['warns before it has let the gateway in', script(says(noticeResponse))],
    ['closes before it has let the gateway in', (socket) => socket.once('data', () => socket.end())],
  ])('when it %s is not passed on, and there is no AuthenticationOk (21)', async (_, serve) => {
    const messages = await told(serve);
    expect(typesOf(messages)).toBe('E');
    const text = messages[0]?.body.toString();
    expect(text).toMatch(/^SFATAL\0VFATAL\0C08(006|P01)\0Mthe database server behind this gateway/);
    expect(text).not.toMatch(/a word of the server|mind this/);
  });

  it.each([
    ['57P03', 'the database system is starting up'],
    ['53300', 'sorry, too many clients already'],
  ])(
    'when it can take nobody now is told by its SQLSTATE %s, which says to try later (21)',
    async (code, text) => {
      const messages = await told(script(says(errorResponse(code, text))));
      expect(typesOf(messages)).toBe('E');
      const answer = messages[0]?.body.toString();
      expect(answer).toContain(`SFATAL\0VFATAL\0C${code}\0`);
      expect(answer).not.toContain(text);
    },
  );

  it('when it ends the login behind AuthenticationOk is passed on byte for byte (21)', async () => {
    const response = errorResponse('53300', 'too many connections for role "alice"');
    const messages = await told(script(says(Buffer.concat([ok, parameterStatus, response]))));
    expect(typesOf(messages)).toBe('E');
    expect(messages[0]?.body).toEqual(response.subarray(5));
  });

  it('is ended by 57P01 between two messages only, and its work is cancelled (26)', async () => {
    const row = Buffer.concat([Buffer.from('D\0\0\x10\x04', 'latin1'), Buffer.alloc(4096, 'x')]);
    const half = Promise.withResolvers<Socket>();
    passage.nextMeets((socket) => {
      script(says(greeting), () => {
        socket.write(row.subarray(0, 1000), () => {
          half.resolve(socket);
        });
        return undefined;
      })(socket);
    });
    const { client } = await openRawSession(gateway, await RawClient.connect(gateway.port));
    client.socket.write(queryMessage('select'));
    const server = await half.promise;
    const cancelled = Promise.withResolvers<Buffer>();
    passage.nextMeets((socket) => socket.once('data', cancelled.resolve));
    const [session] = [...gateway.gateway.sessions].slice(-1);
    // The half row is on its way to the client before the end is told.
    await vi.waitFor(() => {
      expect(session?.bytesFromServer).toBe(1000);
    });
    session?.end('expired');
    expect(await cancelled.promise).toEqual(cancelRequest(4711, Buffer.from('key!')));
    server.write(row.subarray(1000));
    const messages = await client.readUntil('E');
    expect(messages.map(({ type, body }) => [type, body.length])).toEqual([
      ['D', 4096],
      ['E', expect.any(Number)],
    ]);
    expect(messages[1]?.body.toString()).toContain('SFATAL\0VFATAL\0C57P01\0');
    expect(await client.rest()).toBe('');
  });
});
