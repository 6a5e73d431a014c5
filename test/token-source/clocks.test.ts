import { beforeEach, describe, expect, it } from 'vitest';
import type { Timing } from '../../src/token-source/index.js';
import { manualTiming } from './support/manual-timing.js';
import type { ManualTiming } from './support/manual-timing.js';
import { rejection, sourceAt, startTokenServer } from './support/token-server.js';
import type { TokenServer } from './support/token-server.js';

const second = 1000;
const hour = 3600 * second;

describe('a clock that is set', () => {
  let server: TokenServer;
  let timing: ManualTiming;

  beforeEach(async () => {
    server = await startTokenServer();
    timing = manualTiming();
  });

  it('back makes no token live longer', async () => {
    const source = sourceAt(server, timing, { refreshAheadMs: 0 });
    await source.token();
    timing.advance(3000 * second);
    timing.setClock(-hour);
    timing.advance(570 * second - 1);
    expect(await source.token()).toBe('token-1');
    timing.advance(1);
    expect(await source.token()).toBe('token-2');
  });

  it('back puts no refresh off', async () => {
    const source = sourceAt(server, timing);
    await source.token();
    timing.setClock(-hour);
    timing.advance(2850 * second);
    expect(await source.token()).toBe('token-1');
    await server.received(2);
  });

  it('forward, as after a sleep of the machine, ends tokens that are over', async () => {
    const source = sourceAt(server, timing);
    await source.token();
    timing.setClock(hour);
    expect(await source.token()).toBe('token-2');
  });

  it.each([
    { note: 'back', by: -hour },
    { note: 'forward', by: hour },
  ])('$note in each pause changes neither pauses nor the deadline of a fetch', async ({ by }) => {
    await server.misbehave('status 500');
    const wait: Timing['wait'] = (milliseconds, signal) => {
      timing.setClock(by);
      return timing.wait(milliseconds, signal);
    };
    const source = sourceAt(server, { ...timing, wait }, { deadlineMs: 2000, retries: 10 });
    expect(await rejection(source.token())).toMatchObject({ code: 'unavailable' });
    expect(timing.waits).toEqual([125, ...Array<number>(7).fill(250)]);
  });

  it('back silences no source whose server has failed', async () => {
    await server.misbehave('status 500');
    const source = sourceAt(server, timing, { retries: 0 });
    expect(await rejection(source.token())).toMatchObject({ code: 'unavailable' });
    timing.setClock(-hour);
    await server.misbehave('well');
    expect(await source.token()).toBe('token-1');
    expect(timing.waits).toEqual([125]);
  });
});
