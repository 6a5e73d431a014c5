import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cancelRequest, sslRequest } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { startPassage } from './support/passage.js';
import type { Passage } from './support/passage.js';
import { RawClient, queryMessage } from './support/raw-client.js';
import { openRawSession } from './support/raw-session.js';
import type { RawSession } from './support/raw-session.js';
import { script } from './upstream/support/backend-script.js';
import { greeting, says } from './upstream/support/scripted-login.js';

/** What `greeting` has in it. */
const serverKey = { processId: 4711, secret: Buffer.from('key!') };

const found = 'nest_okta_opa_gateway_cancels_total{found="true"}';
const unknown = 'nest_okta_opa_gateway_cancels_total{found="false"}';

describeWithPostgres('the key by which a client cancels', (binaries) => {
  let passage: Passage;
  let gateway: TestGateway;

  async function start(sslMode: string): Promise<void> {
    passage = await startPassage();
    // By this clock logins are far apart, and each makes a connection of its own.
    let now = Date.now();
    gateway = await startTestGateway(
      binaries,
      { DOWNSTREAM__SSLMODE: 'allow', GATEWAY_MAX_SESSION: 'none', UPSTREAM__SSLMODE: sslMode },
      () => (now += 10_000),
      passage,
    );
  }
  async function close(): Promise<void> {
    await gateway.close();
    await passage.close();
  }

  const plain = (): Promise<RawClient> => RawClient.connect(gateway.port);
  const open = async (): Promise<RawSession> => openRawSession(gateway, await plain());

  /** A session at a server that says no more than its greeting. */
  function openScripted(): Promise<RawSession> {
    passage.nextMeets(script(says(greeting)));
    return open();
  }

  async function answerToCancel(processId: number, secret: Buffer): Promise<string> {
    const client = await plain();
    client.socket.end(cancelRequest(processId, secret));
    return client.rest();
  }

  async function count(series: string): Promise<number> {
    const page = await (await fetch(`http://127.0.0.1:${gateway.managementPort}/metrics`)).text();
    const line = page.split('\n').find((each) => each.startsWith(series));
    return Number(line?.slice(series.length) ?? 0);
  }

  describe('at a server without TLS', () => {
    beforeAll(() => start('disable'));
    afterAll(close);

    it('names the process that the server shows (23)', async () => {
      const { client, processId } = await open();
      client.socket.write(queryMessage('select pg_backend_pid()'));
      const row = (await client.readUntil('Z')).find(({ type }) => type === 'D');
      expect(row?.body.toString('latin1', 6)).toBe(String(processId));
      client.socket.destroy();
    });

    it("has a secret of the gateway's own, another for each session (23)", async () => {
      const sessions = [await openScripted(), await openScripted()];
      expect(sessions.map(({ processId }) => processId)).toEqual([4711, 4711]);
      const secrets = [serverKey, ...sessions].map(({ secret }) => secret.toString('hex'));
      expect(new Set(secrets).size).toBe(3);
      for (const { client } of sessions) client.socket.destroy();
    });

    it("is the server's own key on the other side, which means nothing to the gateway (23)", async () => {
      const { client, processId, secret } = await openScripted();
      const before = await count(unknown);
      expect(await answerToCancel(serverKey.processId, serverKey.secret)).toBe('');
      expect(await count(unknown)).toBe(before + 1);
      const arrived = Promise.withResolvers<Buffer>();
      passage.nextMeets((socket) =>
        socket.once('data', (request: Buffer) => {
          arrived.resolve(request);
          socket.end();
        }),
      );
      expect(await answerToCancel(processId, secret)).toBe('');
      expect(await arrived.promise).toEqual(cancelRequest(serverKey.processId, serverKey.secret));
      client.socket.destroy();
    });

    it('ends with its session, and is answered by silence as any unknown one (23)', async () => {
      const { client, processId, secret } = await openScripted();
      client.socket.destroy();
      await vi.waitFor(() => {
        expect(gateway.gateway.sessions.size).toBe(0);
      });
      const [known, before] = [await count(found), await count(unknown)];
      expect(await answerToCancel(processId, secret)).toBe('');
      expect([await count(found), await count(unknown)]).toEqual([known, before + 1]);
    });
  });

  describe('at a server with TLS', () => {
    beforeAll(() => start('verify-full'));
    afterAll(close);

    /** Leads to the server; settles with what was sent to it first, and then. */
    function recordedOnTheWay(): Promise<readonly Buffer[]> {
      const chunks: Buffer[] = [];
      const recorded = Promise.withResolvers<readonly Buffer[]>();
      passage.nextMeets((socket: Socket) => {
        const beyond = connect(gateway.admin.port, '127.0.0.1').on('error', () => socket.destroy());
        socket.on('data', (chunk: Buffer) => chunks.push(chunk)).pipe(beyond);
        beyond.pipe(socket);
        socket.on('close', () => {
          recorded.resolve(chunks);
        });
      });
      return recorded.promise;
    }

    it('is sent to it over TLS, and cancels (23)', async () => {
      const { client, processId, secret } = await open();
      client.socket.write(queryMessage("do $$ begin raise notice 'begun'; perform pg_sleep(60); end $$"));
      await client.readUntil('N');
      const recorded = recordedOnTheWay();
      expect(await answerToCancel(processId, secret)).toBe('');
      const messages = await client.readUntil('Z');
      expect(messages.find(({ type }) => type === 'E')?.body.toString()).toContain('C57014');
      const sent = Buffer.concat(await recorded);
      expect(sent.subarray(0, 8)).toEqual(sslRequest());
      // A ClientHello, and no CancelRequest that could be read on the way.
      expect(sent[8]).toBe(0x16);
      expect(sent.includes(cancelRequest(0, Buffer.alloc(0)).subarray(4, 8))).toBe(false);
      const closed = once(client.socket, 'close');
      client.socket.destroy();
      await closed;
    });
  });
});
