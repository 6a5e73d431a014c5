import { Agent, get as httpGet } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { bearer, get, json } from '../support/api-client.js';
import { listeningForTest, mainForTest } from '../support/api-process.js';
import type { ListeningApi } from '../support/api-process.js';
import { startApiWorld } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';

let world: ApiWorld;

beforeEach(async () => {
  world = await startApiWorld();
});

afterEach(() => world.close());

const readiness = async (api: ListeningApi) => get(api.managementPort, '/health/ready');

describe('an API that starts while Okta is away', () => {
  it.each(['local', 'remote', 'both'])(
    'listens, says why it is not ready, and gets ready by itself: %s',
    async (validation) => {
      await world.okta.misbehave('refused');
      const token = await world.token();
      const api = await listeningForTest(world.environment({ OKTA_VALIDATION: validation }));
      const before = await readiness(api);
      expect([before.status, json(before)]).toMatchObject([503, { status: 'not_ready' }]);
      expect(before.body).toMatch(/"(key_set|introspection)","status":"down","reason":"[^"]*no connection"/);
      expect(await get(api.port, '/sayhello', token)).toMatchObject({ status: 503 });
      expect(await get(api.managementPort, '/health/live')).toMatchObject({ status: 200 });

      await world.okta.misbehave('well');
      await vi.waitFor(
        async () => {
          expect((await readiness(api)).status).toBe(200);
        },
        { timeout: 20_000, interval: 100 },
      );
      expect(await get(api.port, '/sayhello', token)).toMatchObject({ status: 200 });
    },
  );

  it('is not ready with credentials that introspection refuses, and says so', async () => {
    const secret = 'not-the-right-secret';
    const api = await listeningForTest(
      world.environment({ OKTA_VALIDATION: 'remote', OKTA_CLIENT_SECRET: secret }),
    );
    const { status, body } = await readiness(api);
    expect(status).toBe(503);
    expect(body).toContain('answered 401');
    expect(body).not.toContain(secret);
  });
});

describe('an API that starts while OPA is away', () => {
  it('listens, says why it is not ready, and gets ready by itself', async () => {
    await world.opa.misbehave('refused');
    const api = await listeningForTest(world.environment());
    const before = await readiness(api);
    expect(before.status).toBe(503);
    expect(before.body).toMatch(/"policy","status":"down","reason":"OPA: no connection"/);
    await world.opa.misbehave('well');
    await vi.waitFor(
      async () => {
        expect((await readiness(api)).status).toBe(200);
      },
      { timeout: 20_000, interval: 100 },
    );
  });
});

describe('an API that is told to stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'under keep-alive load resets nothing that it accepted: %s',
    async (signal) => {
      const api = await listeningForTest(world.environment());
      const load = new Load(api.port, await world.token());
      const run = load.run(20, (answered) => {
        if (answered === 300) api.process.kill(signal);
      });
      expect(await api.ended).toBe(0);
      await run;
      expect(load.statuses).toEqual(new Set([200]));
      expect([load.refused, load.broken]).toEqual([20, 0]);
    },
  );

  it('answers the request under way, however often it is told, and is not ready meanwhile', async () => {
    const api = await listeningForTest(world.environment());
    const release = world.opa.hold();
    onTestFinished(release);
    const received = world.opa.requests.length + 1;
    const underWay = get(api.port, '/sayhello', await world.token());
    await world.opa.received(received);
    for (const signal of ['SIGTERM', 'SIGTERM', 'SIGINT', 'SIGTERM'] as const) api.process.kill(signal);
    await api.line(({ msg }) => msg === 'stopping');
    expect(json(await readiness(api))).toMatchObject({
      status: 'not_ready',
      checks: [{ reason: 'the process is stopping' }],
    });
    release();
    expect(await underWay).toMatchObject({ status: 200 });
    expect(await api.ended).toBe(0);
    expect(api.log().filter(({ msg }) => msg === 'stopped')).toMatchObject([{ clean: true }]);
  });

  it('cuts off what does not end in time, says so, and ends with 1', async () => {
    const api = await listeningForTest(world.environment({ SHUTDOWN_TIMEOUT_MS: '200' }));
    onTestFinished(world.opa.hold());
    const received = world.opa.requests.length + 1;
    const [name, value] = bearer(await world.token());
    const socket = connect(api.port, '127.0.0.1');
    const answer = text(socket).catch(() => 'reset');
    socket.write(`GET /sayhello HTTP/1.1\r\nHost: x\r\n${name}: ${value}\r\n\r\n`);
    await world.opa.received(received);
    api.process.kill('SIGTERM');
    expect(await api.ended).toBe(1);
    expect(['', 'reset']).toContain(await answer);
    expect(api.log()).toContainEqual(
      expect.objectContaining({ msg: 'requests still under way were cut off' }),
    );
  });
});

describe('an API that is told to stop while it starts', () => {
  it.each([
    ['when the start is through', '500'],
    ['when it has waited long enough for it', '60000'],
  ])('ends in order %s', async (_, OKTA_TIMEOUT_MS) => {
    onTestFinished(world.okta.hold());
    const api = mainForTest(world.environment({ OKTA_TIMEOUT_MS }));
    await world.okta.received(1);
    api.process.kill('SIGTERM');
    expect(await api.ended).toBe(0);
    expect(api.output.stderr).not.toContain('Error');
  });
});

/** Clients that send their next request on the same connection as soon as the last one is answered. */
class Load {
  readonly statuses = new Set<number | undefined>();
  refused = 0;
  broken = 0;
  #answered = 0;
  readonly #port: number;
  readonly #headers: Record<string, string>;

  constructor(port: number, token: string) {
    this.#port = port;
    this.#headers = Object.fromEntries([bearer(token)]);
  }

  async run(connections: number, onAnswer: (answered: number) => void): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    const client = async (): Promise<void> => {
      while (await this.#send(agent)) onAnswer(++this.#answered);
    };
    await Promise.all(Array.from({ length: connections }, client));
    agent.destroy();
  }

  /** False when nobody listens any more, or the answer did not come. */
  #send(agent: Agent): Promise<boolean> {
    return new Promise((resolve) => {
      const options = {
        host: '127.0.0.1',
        port: this.#port,
        path: '/sayhello',
        agent,
        headers: this.#headers,
      };
      const request = httpGet(options, (response) => {
        this.statuses.add(response.statusCode);
        response.resume().on('close', () => {
          if (!response.complete) this.broken++;
          resolve(response.complete);
        });
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') this.refused++;
        else this.broken++;
        resolve(false);
      });
    });
  }
}
