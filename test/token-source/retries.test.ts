import { beforeEach, describe, expect, it } from 'vitest';
import type { Misbehave } from '../support/misbehaviours.js';
import { manualTiming } from './support/manual-timing.js';
import type { ManualTiming } from './support/manual-timing.js';
import { rejection, sourceAt, startTokenServer } from './support/token-server.js';
import type { TokenServer } from './support/token-server.js';

/** A second, so that dates of HTTP, which know no fractions, tell it exactly. */
const start = Date.UTC(2026, 5, 1);
const fiveMinutes = 300_000;

describe('a server that is unavailable', () => {
  let server: TokenServer;
  let timing: ManualTiming;

  beforeEach(async () => {
    server = await startTokenServer();
    timing = manualTiming(0, start);
  });

  /** So often, then well. */
  const failing =
    (times: number, how: Misbehave): Misbehave =>
    (response, answerWell) => {
      if (server.requests.length > times) answerWell();
      else how(response, answerWell);
    };

  const status =
    (code: number, headers: Record<string, string> = {}): Misbehave =>
    (response) =>
      response.writeHead(code, headers).end('{"error":"temporarily_unavailable"}');

  it.each([429, 500, 502, 503, 504])('is asked again after %i', async (code) => {
    await server.misbehave(failing(3, status(code)));
    expect(await sourceAt(server, timing).token()).toBe('token-1');
    expect(timing.waits).toEqual([125, 250, 500]);
  });

  it('is asked again after network errors', async () => {
    await server.misbehave(failing(3, (response) => response.destroy()));
    expect(await sourceAt(server, timing).token()).toBe('token-1');
    expect(timing.waits).toEqual([125, 250, 500]);
  });

  it.each([
    { random: 0, waits: [125, 250, 500, 1000, 1250] },
    { random: 1, waits: [250, 500, 1000, 2000, 2500] },
  ])('is asked later each time, by chance of $random', async ({ random, waits }) => {
    timing = manualTiming(random, start);
    await server.misbehave('status 500');
    const source = sourceAt(server, timing, { retries: 10, deadlineMs: 10_000 });
    const error = await rejection(source.token());
    expect(error).toMatchObject({ code: 'unavailable', message: 'no token: the server answered 500' });
    expect(timing.waits.slice(0, 5)).toEqual(waits);
    expect(timing.clock() - start).toBeLessThan(10_000);
  });

  it.each([0, 2])('is asked %i times more at most, if that is the option', async (retries) => {
    await server.misbehave('status 500');
    const error = await rejection(sourceAt(server, timing, { retries }).token());
    expect(error).toMatchObject({ code: 'unavailable' });
    expect([server.requests.length, timing.waits.length]).toEqual([retries + 1, retries]);
  });

  it.each([
    { header: '3', wait: 3000 },
    { header: '0', wait: 125 },
    { header: 'Mon, 01 Jun 2026 00:00:04 GMT', wait: 4000 },
    { header: 'Monday, 01-Jun-26 00:00:04 GMT', wait: 4000 },
    { header: 'Mon Jun  1 00:00:04 2026', wait: 4000 },
    { header: 'Sun, 31 May 2026 00:00:00 GMT', wait: 125 },
    { header: 'soon', wait: 125 },
    { header: '-5', wait: 125 },
    { header: '1.5', wait: 125 },
  ])('is asked again after Retry-After: $header', async ({ header, wait }) => {
    await server.misbehave(failing(1, status(429, { 'retry-after': header })));
    expect(await sourceAt(server, timing).token()).toBe('token-1');
    expect(timing.waits).toEqual([wait]);
  });

  it.each([
    { header: '60', retryAfterMs: 60_000 },
    { header: '10', retryAfterMs: 10_000 },
    { header: 'Mon, 01 Jun 2026 01:00:00 GMT', retryAfterMs: 3_600_000 },
    { header: '999999999', retryAfterMs: 86_400_000 },
  ])('is left alone for a Retry-After of $header, five minutes at most', async ({ header, retryAfterMs }) => {
    await server.misbehave(status(503, { 'retry-after': header }));
    const source = sourceAt(server, timing);
    expect(await rejection(source.token())).toMatchObject({ code: 'unavailable', retryAfterMs });
    await server.misbehave('well');
    timing.advance(Math.min(retryAfterMs, fiveMinutes) - 6000);
    expect(await source.token()).toBe('token-1');
    expect([server.requests.length, timing.waits]).toEqual([2, [6000]]);
  });

  it('is not asked for as long as it wants, and callers are told how long that is', async () => {
    await server.misbehave(status(503, { 'retry-after': '60' }));
    const source = sourceAt(server, timing);
    await rejection(source.token());
    timing.advance(49_000);
    expect(await rejection(source.token())).toMatchObject({ code: 'unavailable', retryAfterMs: 11_000 });
    expect(server.requests).toHaveLength(1);
  });

  it('is not asked within the deadline that another caller begins, if it wants a longer pause', async () => {
    await server.misbehave(status(503, { 'retry-after': '10' }));
    const source = sourceAt(server, timing);
    await rejection(source.token());
    const error = await rejection(source.token());
    expect(error).toMatchObject({ code: 'unavailable', retryAfterMs: 10_000 });
    expect([server.requests.length, timing.waits]).toEqual([1, []]);
  });

  it.each([
    { note: 'says nothing', how: 'silent' },
    { note: 'never ends its answer', how: 'drip' },
  ] as const)('that $note is waited for until the deadline, and not asked again', async ({ how }) => {
    await server.misbehave(how);
    const error = await rejection(sourceAt(server, timing, { deadlineMs: 100 }).token());
    expect(error).toMatchObject({ code: 'timeout' });
    expect(server.requests).toHaveLength(1);
  });

  it('is not asked in a pause that close() ends', async () => {
    await server.misbehave('status 500');
    const ended = Promise.withResolvers<undefined>();
    const pausing = Promise.withResolvers<undefined>();
    const wait = (_: number, signal: AbortSignal): Promise<void> => {
      signal.addEventListener('abort', () => {
        ended.resolve(undefined);
      });
      pausing.resolve(undefined);
      return ended.promise;
    };
    const source = sourceAt(server, { ...timing, wait });
    const waiting = rejection(source.token());
    await pausing.promise;
    await source.close();
    expect(await waiting).toMatchObject({ code: 'closed' });
    expect(server.requests).toHaveLength(1);
  });

  it('that is not there is named by the code of the system', async () => {
    await server.misbehave('refused');
    const error = await rejection(sourceAt(server, timing).token());
    expect(error).toMatchObject({
      code: 'unavailable',
      message: 'no token: no connection (ECONNREFUSED)',
      cause: { code: 'ECONNREFUSED' },
    });
  });
});
