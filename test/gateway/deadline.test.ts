import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { passwordMessage, sslRequest } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { startPassage } from './support/passage.js';
import type { Passage } from './support/passage.js';
import { RawClient } from './support/raw-client.js';
import { answerTo, encryptedClient, startupOf, tokenOf } from './support/raw-session.js';

const deadlineMs = 30_000;

/** An OPA that says yes when it is told to. */
async function startSlowOpa() {
  let asked = Promise.withResolvers<ServerResponse>();
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume();
    waiting.push(response);
    asked.resolve(response);
    asked = Promise.withResolvers();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/data/slow/decision`,
    nextQuestion: () => asked.promise,
    answer: () => {
      for (const response of waiting.splice(0)) response.end('{"result": true}');
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describeWithPostgres('a client that does not come in before the deadline (6)', (binaries) => {
  let opa: Awaited<ReturnType<typeof startSlowOpa>>;
  let passage: Passage;
  let gateway: TestGateway;
  beforeAll(async () => {
    [opa, passage] = await Promise.all([startSlowOpa(), startPassage()]);
    // By this clock logins are far apart, and each makes a connection of its own.
    let now = Date.now();
    gateway = await startTestGateway(
      binaries,
      {
        DOWNSTREAM__SSLMODE: 'allow',
        GATEWAY_LOGIN_TIMEOUT_MS: String(deadlineMs),
        GATEWAY_MAX_SESSION: 'none',
        GATEWAY_OPA_URL: opa.url,
        OPA_TIMEOUT_MS: '60000',
      },
      () => (now += 10_000),
      passage,
    );
  });
  afterAll(async () => {
    await gateway.close();
    await passage.close();
    opa.close();
  });
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
    opa.answer();
  });

  /** A client whose time has begun to run. */
  async function accepted(): Promise<RawClient> {
    const arrived = once(gateway.gateway.server, 'connection');
    const client = await RawClient.connect(gateway.port);
    await arrived;
    return client;
  }

  async function asked(client: RawClient): Promise<RawClient> {
    client.socket.write(startupOf(gateway));
    await client.readUntil('R');
    return client;
  }

  /** The token is good, and the policy is asked. */
  async function judged(client: RawClient): Promise<{ client: RawClient; question: ServerResponse }> {
    const question = opa.nextQuestion();
    client.socket.write(passwordMessage(tokenOf(gateway)));
    return { client, question: await question };
  }

  /** The policy has said yes, and the server is silent. */
  async function silentServer(): Promise<{ client: RawClient; atServer: Socket }> {
    const begun = Promise.withResolvers<Socket>();
    passage.nextMeets((socket) =>
      socket.once('data', () => {
        begun.resolve(socket);
      }),
    );
    const { client } = await judged(await asked(await accepted()));
    opa.answer();
    return { client, atServer: await begun.promise };
  }

  async function halfAPacket(): Promise<RawClient> {
    const client = await accepted();
    client.socket.write(startupOf(gateway).subarray(0, 20));
    return client;
  }

  it.each<[string, () => Promise<RawClient>, string]>([
    ['says nothing', accepted, '57P03'],
    ['breaks off in its first packet', halfAPacket, '57P03'],
    ['says nothing in TLS', () => encryptedClient(gateway), '57P03'],
    ['sends no token', async () => asked(await accepted()), '57P03'],
    ['waits for the policy', async () => (await judged(await asked(await accepted()))).client, '57P03'],
    ['waits for the server', async () => (await silentServer()).client, '08006'],
  ])('because it %s is told so, and the connection ends', async (_, begin, sqlState) => {
    const client = await begin();
    await vi.advanceTimersByTimeAsync(deadlineMs);
    const [refusal] = await client.readUntil('E');
    expect(refusal?.body.toString()).toContain(`SFATAL\0VFATAL\0C${sqlState}\0`);
    expect(await client.rest()).toBe('');
  });

  it('and has left while the server was silent leaves no connection there', async () => {
    const { client, atServer } = await silentServer();
    const closed = once(atServer.resume(), 'close');
    client.socket.destroy();
    await closed;
  });

  it('because it does not begin with TLS loses the connection', async () => {
    const client = await accepted();
    expect(await answerTo(client, sslRequest())).toBe('S');
    await vi.advanceTimersByTimeAsync(deadlineMs);
    // What it is told waits in vain for TLS; a second later nobody waits any more.
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await client.rest()).toBe('');
  });

  it('gains no time by what it does meanwhile', async () => {
    const client = await accepted();
    vi.advanceTimersByTime(10_000);
    await answerTo(client, Buffer.from([0, 0, 0, 8, 4, 210, 22, 48]));
    vi.advanceTimersByTime(10_000);
    await asked(client);
    vi.advanceTimersByTime(9_999);
    const { question } = await judged(client);
    expect(question.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    const [refusal] = await client.readUntil('E');
    expect(refusal?.body.toString()).toContain('C57P03');
  });
});
