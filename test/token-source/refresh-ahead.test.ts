import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createTokenSource } from '../../src/token-source/index.js';
import type { Misbehave } from '../support/misbehaviours.js';
import { manualTiming } from './support/manual-timing.js';
import type { ManualTiming } from './support/manual-timing.js';
import { rejection, sourceAt, startTokenServer } from './support/token-server.js';
import type { TokenServer } from './support/token-server.js';

const refusing: Misbehave = (response) => {
  response.writeHead(401).end('{"error":"invalid_client"}');
};

const second = 1000;
const hour = 3600 * second;

describe('a token that is kept', () => {
  let server: TokenServer;
  let timing: ManualTiming;

  beforeEach(async () => {
    server = await startTokenServer();
    timing = manualTiming();
  });

  const events: unknown[] = [];
  const onRefresh = (event: unknown): number => events.push(event);

  /** Settles when the fetch in the background has ended. */
  const settled = (count: number): Promise<void> =>
    vi.waitFor(
      () => {
        expect(events).toHaveLength(count);
      },
      { interval: 5 },
    );

  beforeEach(() => {
    events.length = 0;
  });

  it.each([
    { note: 'a fifth of its life', life: 3600, options: {}, random: 0, after: 2850 },
    { note: 'up to a quarter more by chance', life: 3600, options: {}, random: 1, after: 2670 },
    {
      note: 'as long as is asked for',
      life: 3600,
      options: { refreshAheadMs: 60_000 },
      random: 0,
      after: 3510,
    },
    {
      note: 'half of the time at most',
      life: 3600,
      options: { refreshAheadMs: hour },
      random: 0,
      after: 1785,
    },
    { note: 'a fifth of a short life too', life: 60, options: {}, random: 0, after: 33 },
    { note: 'never', life: 3600, options: { refreshAheadMs: 0 }, random: 1, after: undefined },
  ])('is due for another one before it is handed out no more: $note', async (row) => {
    timing = manualTiming(row.random);
    server.answersWith({ expires_in: row.life });
    await sourceAt(server, timing, row.options).token();
    const expected = row.after === undefined ? [] : [row.after * second];
    expect([...timing.scheduled.values()]).toEqual(expected);
  });

  it('is handed out while another one is fetched, which is fetched once', async () => {
    const source = sourceAt(server, timing, { onRefresh });
    await source.token();
    timing.advance(2850 * second - 1);
    expect([await source.token(), server.requests.length]).toEqual(['token-1', 1]);
    timing.advance(1);
    const release = server.hold();
    const tokens = await Promise.all(Array.from({ length: 100 }, () => source.token()));
    expect(new Set(tokens)).toEqual(new Set(['token-1']));
    await server.received(2);
    release();
    await settled(2);
    expect([await source.token(), server.requests.length]).toEqual(['token-2', 2]);
  });

  it('is replaced when its time comes, though nobody asks', async () => {
    const source = sourceAt(server, timing, { onRefresh });
    await source.token();
    const [[task, delay] = []] = [...timing.scheduled];
    timing.advance(delay ?? 0);
    task?.();
    await settled(2);
    expect([await source.token(), server.requests.length, timing.scheduled.size]).toEqual(['token-2', 2, 1]);
  });

  it.each([
    { note: 'the skew of other clocks', life: 3600, options: {}, usable: 3570 },
    { note: 'the skew that is given', life: 3600, options: { clockSkewMs: 5_000 }, usable: 3595 },
    { note: 'no more than a quarter of its life', life: 40, options: {}, usable: 30 },
    { note: 'nothing where there is no skew', life: 3600, options: { clockSkewMs: 0 }, usable: 3600 },
  ])('is handed out until its end, less $note', async ({ life, options, usable }) => {
    server.answersWith({ expires_in: life });
    const source = sourceAt(server, timing, { ...options, onRefresh });
    await source.token();
    server.hold();
    timing.advance(usable * second - 1);
    expect(await source.token()).toBe('token-1');
    timing.advance(1);
    const waiting = source.token();
    const told = expect(waiting).rejects.toMatchObject({ code: 'closed' });
    await source.close();
    await told;
  });

  it('counts its life from before it was asked for, however long the answer takes', async () => {
    const source = sourceAt(server, timing, { onRefresh });
    const release = server.hold();
    const waiting = source.token();
    await server.received(1);
    timing.advance(9 * second);
    const asked = timing.clock() - 9 * second;
    release();
    await waiting;
    expect(events).toEqual([{ ok: true, usableUntil: asked + hour - 30 * second }]);
  });

  it('waits for the fetch in the background when it ends meanwhile', async () => {
    const source = sourceAt(server, timing);
    await source.token();
    timing.advance(0.9 * hour);
    const release = server.hold();
    await source.token();
    await server.received(2);
    timing.advance(0.1 * hour);
    const [first, second] = [source.token(), source.token()];
    release();
    expect([await first, await second, server.requests.length]).toEqual(['token-2', 'token-2', 2]);
  });

  it('is asked for by those who wait when the attempt in the background failed', async () => {
    const source = sourceAt(server, timing);
    await source.token();
    timing.advance(0.9 * hour);
    await server.misbehave('status 500');
    const release = server.hold();
    await source.token();
    await server.received(2);
    timing.advance(0.1 * hour);
    const waiting = source.token();
    await server.misbehave((response, answerWell) => {
      if (server.requests.length > 2) answerWell();
      else response.writeHead(503).end();
    });
    release();
    expect([await waiting, server.requests.length]).toEqual(['token-2', 3]);
  });

  it('is asked for by those who wait when the attempt in the background took too long', async () => {
    const source = sourceAt(server, timing, { deadlineMs: 100 });
    await source.token();
    timing.advance(0.9 * hour);
    await server.misbehave((_, answerWell) => {
      if (server.requests.length > 2) answerWell();
    });
    await source.token();
    await server.received(2);
    timing.advance(0.1 * hour);
    expect([await source.token(), server.requests.length]).toEqual(['token-2', 3]);
  });

  it('is not asked for past the deadline of those who wait, however the attempt in the background ends', async () => {
    const source = sourceAt(server, timing);
    await source.token();
    timing.advance(0.9 * hour);
    await server.misbehave('status 500');
    const release = server.hold();
    await source.token();
    await server.received(2);
    timing.advance(0.1 * hour);
    const waiting = rejection(source.token());
    timing.advance(10 * second);
    release();
    expect(await waiting).toMatchObject({
      code: 'unavailable',
      message: 'no token: the server answered 500',
    });
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    { note: 'is unavailable', how: 'status 500', code: 'unavailable' },
    { note: 'refuses', how: refusing, code: 'invalid_client' },
  ] as const)('serves on while the server $note, which is asked now and then', async ({ how, code }) => {
    const source = sourceAt(server, timing, { onRefresh });
    await source.token();
    await server.misbehave(how);
    let attempts = 0;
    for (; timing.scheduled.size > 0; attempts++) {
      const [[task, delay] = []] = [...timing.scheduled];
      timing.advance(delay ?? 0);
      task?.();
      await settled(attempts + 2);
      expect(await source.token()).toBe('token-1');
    }
    expect(attempts).toBeGreaterThan(5);
    expect(attempts).toBeLessThan(30);
    expect(events.at(-1)).toMatchObject({ ok: false, error: { code } });
    timing.advance(hour);
    await expect(source.token()).rejects.toMatchObject({ code });
  });

  it('is not asked for again by a timer once it has ended', async () => {
    const source = sourceAt(server, timing, { onRefresh });
    await source.token();
    const [task] = [...timing.scheduled.keys()];
    timing.advance(2 * hour);
    await server.misbehave('status 500');
    task?.();
    await settled(2);
    expect([server.requests.length, timing.scheduled.size]).toEqual([2, 0]);
  });

  it('keeps no process alive', async () => {
    const { origin } = server;
    const grant = 'client_credentials';
    const source = createTokenSource({ tokenEndpoint: origin, clientId: 'job', clientSecret: 's', grant });
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await source.token();
    expect(timers()).toBeLessThanOrEqual(before);
    await source.close();
  });
});
