import { describe, expect, it } from 'vitest';
import { gatherReads } from '../../src/issuer/store/gathered-reads.js';

function countingReads(values: ReadonlyMap<string, number>) {
  const asked: string[][] = [];
  const read = gatherReads((keys) => {
    asked.push([...keys]);
    return Promise.resolve(values);
  });
  return { asked, read };
}

describe('reads that are gathered', () => {
  const values = new Map([
    ['a', 1],
    ['b', 2],
  ]);

  it('share one statement in one turn of the event loop, each with its own value', async () => {
    const { asked, read } = countingReads(values);
    expect(await Promise.all([read('a'), read('nobody'), read('b'), read('a')])).toEqual([
      1,
      undefined,
      2,
      1,
    ]);
    expect(asked).toEqual([['a', 'nobody', 'b', 'a']]);
  });

  it('are made anew in the next turn: nothing is remembered', async () => {
    const { asked, read } = countingReads(values);
    await read('a');
    await read('a');
    expect(asked).toEqual([['a'], ['a']]);
  });

  it('ask for at most 500 keys at once', async () => {
    const { asked, read } = countingReads(values);
    await Promise.all(Array.from({ length: 501 }, (_, n) => read(String(n))));
    expect(asked.map((keys) => keys.length)).toEqual([500, 1]);
  });

  it('all fail when the statement fails, and only they', async () => {
    let isDown = true;
    const read = gatherReads(() =>
      isDown ? Promise.reject(new Error('the database is away')) : Promise.resolve(values),
    );
    const failed = await Promise.allSettled([read('a'), read('b')]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isDown = false;
    expect(await read('b')).toBe(2);
  });
});
