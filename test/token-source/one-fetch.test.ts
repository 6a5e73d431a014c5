import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { manualTiming } from './support/manual-timing.js';
import type { ManualTiming } from './support/manual-timing.js';
import { sourceAt, startTokenServer } from './support/token-server.js';
import type { TokenServer } from './support/token-server.js';

describe('a fetch for all who wait', () => {
  let server: TokenServer;
  let timing: ManualTiming;

  beforeEach(async () => {
    server = await startTokenServer();
    timing = manualTiming();
  });

  it('is not made before somebody asks for a token', () => {
    sourceAt(server, timing);
    expect([server.requests.length, timing.scheduled.size]).toEqual([0, 0]);
  });

  it('is one, whatever their number', async () => {
    const source = sourceAt(server, timing);
    const tokens = await Promise.all(Array.from({ length: 1000 }, () => source.token()));
    expect([new Set(tokens), server.requests.length]).toEqual([new Set(['token-1']), 1]);
  });

  it('is one for a token whose end nobody knows too, and the next caller causes another one', async () => {
    server.answersWith({ expires_in: undefined });
    const source = sourceAt(server, timing);
    expect(await Promise.all([source.token(), source.token()])).toEqual(['token-1', 'token-1']);
    expect(await source.token()).toBe('token-2');
    expect([server.requests.length, timing.scheduled.size]).toEqual([2, 0]);
  });

  it('tells all of them when it fails, and the next caller causes another one', async () => {
    server.answersWith({ token_type: 'DPoP' });
    const source = sourceAt(server, timing);
    const outcomes = await Promise.allSettled([source.token(), source.token()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    server.answersWith({});
    expect([await source.token(), server.requests.length]).toEqual(['token-2', 2]);
  });

  it('goes on for the others when a caller gives up', async () => {
    const source = sourceAt(server, timing);
    const release = server.hold();
    const giving = new AbortController();
    const [impatient, patient] = [source.token({ signal: giving.signal }), source.token()];
    await server.received(1);
    const reason = new Error('enough');
    giving.abort(reason);
    await expect(impatient).rejects.toMatchObject({ code: 'aborted', cause: reason });
    release();
    expect([await patient, server.requests.length]).toEqual(['token-1', 1]);
  });

  it('goes on when all callers give up, for those to come', async () => {
    const source = sourceAt(server, timing);
    const release = server.hold();
    const giving = new AbortController();
    const impatient = source.token({ signal: giving.signal });
    await server.received(1);
    giving.abort();
    await expect(impatient).rejects.toMatchObject({ code: 'aborted' });
    const later = source.token();
    release();
    expect([await later, server.requests.length]).toEqual(['token-1', 1]);
  });

  it('is not made for a caller who gave up before', async () => {
    const source = sourceAt(server, timing);
    await expect(source.token({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    expect(server.requests).toEqual([]);
  });

  it('leaves nothing at a signal that outlives it', async () => {
    const source = sourceAt(server, timing);
    const { signal } = new AbortController();
    await source.token({ signal });
    await new Promise(setImmediate);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('ends when the source is closed, and so does what comes after', async () => {
    const source = sourceAt(server, timing);
    server.hold();
    const waiting = source.token();
    const told = expect(waiting).rejects.toMatchObject({ code: 'closed' });
    await server.received(1);
    await source.close();
    await told;
    await expect(source.token()).rejects.toMatchObject({ code: 'closed' });
    expect([server.requests.length, timing.scheduled.size]).toEqual([1, 0]);
  });

  it('is not made again by a source that was closed with a good token', async () => {
    const source = sourceAt(server, timing);
    await source.token();
    expect(timing.scheduled.size).toBe(1);
    await source.close();
    await source.close();
    await expect(source.token()).rejects.toMatchObject({ code: 'closed' });
    expect([server.requests.length, timing.scheduled.size]).toEqual([1, 0]);
  });

  it('serves pg as a password and HTTP as a header', async () => {
    const source = sourceAt(server, timing);
    const [password, header] = [source.asPassword(), source.asHeader()];
    expect(await Promise.all([password(), header()])).toEqual([
      'token-1',
      { authorization: 'Bearer token-1' },
    ]);
    expect(server.requests).toHaveLength(1);
  });
});
