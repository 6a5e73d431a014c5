import { describe, expect, it } from 'vitest';
import { typedMessage } from '../../../src/gateway/wire/message-writer.js';
import { OpenQuestions } from '../../../src/gateway/wire/open-questions.js';

/** Messages by their types, each with a body of five bytes. */
const stream = (types: string): Buffer =>
  Buffer.concat(Array.from(types, (type) => typedMessage(type, Buffer.alloc(5))));

function afterAll(chunks: readonly Buffer[]): { asked: number; isAsking: boolean } {
  const questions = new OpenQuestions();
  for (const chunk of chunks) questions.push(chunk);
  const { asked, isAsking } = questions;
  return { asked, isAsking };
}

describe('what a client has asked', () => {
  it.each([
    { types: '', asked: 0, isAsking: false, note: 'nothing' },
    { types: 'Q', asked: 1, isAsking: false, note: 'a query' },
    { types: 'QQQ', asked: 3, isAsking: false, note: 'queries at once' },
    { types: 'F', asked: 1, isAsking: false, note: 'a function call' },
    { types: 'PBDE', asked: 0, isAsking: true, note: 'an extended query without its Sync' },
    { types: 'PBDES', asked: 1, isAsking: false, note: 'an extended query' },
    { types: 'PBESBES', asked: 2, isAsking: false, note: 'extended queries at once' },
    { types: 'PH', asked: 0, isAsking: true, note: 'Flush wants no ReadyForQuery, but a Sync will come' },
    { types: 'Qddc', asked: 1, isAsking: false, note: 'COPY by a query' },
    { types: 'Qdf', asked: 1, isAsking: false, note: 'COPY that the client gives up' },
    {
      types: 'PBESddcS',
      asked: 1,
      isAsking: false,
      note: 'COPY by an extended query: the first Sync is passed over',
    },
    {
      types: 'PBESPBEHdcS',
      asked: 2,
      isAsking: false,
      note: 'COPY by an extended query and Flush: no Sync is passed over',
    },
    { types: 'X', asked: 0, isAsking: false, note: 'leave is taken' },
  ])('$types: $note, wherever its chunks end', ({ types, asked, isAsking }) => {
    const bytes = stream(types);
    for (let cut = 0; cut <= bytes.length; cut++)
      expect(afterAll([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual({ asked, isAsking });
    expect(afterAll(Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual({ asked, isAsking });
  });

  it('goes on while a message is not whole, and for good when its length can not be', () => {
    const query = stream('Q');
    for (let length = 1; length < query.length; length++)
      expect(afterAll([query.subarray(0, length)]).isAsking).toBe(true);
    expect(afterAll([Buffer.from('510000000300', 'hex'), query])).toMatchObject({ isAsking: true });
    expect(afterAll([Buffer.from('51ffffffff00', 'hex'), query])).toMatchObject({ isAsking: true });
  });
});
