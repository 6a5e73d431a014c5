import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageBoundaries } from '../../../src/gateway/wire/message-boundaries.js';
import { int32, typedMessage } from '../../../src/gateway/wire/message-writer.js';

const readyForQuery = (status: string): Buffer => typedMessage('Z', Buffer.from(status));
const commandComplete = typedMessage('C', Buffer.from('SELECT 1\0'));
const notification = typedMessage('A', int32(1), Buffer.from('c\0p\0'));
const emptyQueryResponse = typedMessage('I');

function after(...chunks: readonly Buffer[]): MessageBoundaries {
  const boundaries = new MessageBoundaries();
  for (const chunk of chunks) boundaries.push(chunk);
  return boundaries;
}

const fromHex = (hex: string): Buffer => Buffer.from(hex, 'hex');

describe('a boundary between messages (26)', () => {
  it('is where a stream begins', () => {
    expect(after()).toMatchObject({ isAtBoundary: true, isIdle: false, isBroken: false });
  });

  it.each([
    { note: 'a message', stream: commandComplete },
    { note: 'a message without a body', stream: emptyQueryResponse },
    { note: 'two messages', stream: Buffer.concat([commandComplete, emptyQueryResponse]) },
  ])('is behind $note, and not within', ({ stream }) => {
    const within = Array.from(
      { length: 4 },
      (_, cut) => after(stream.subarray(0, stream.length - cut - 1)).isAtBoundary,
    );
    expect(after(stream).isAtBoundary).toBe(true);
    expect(within).toEqual([false, false, false, false]);
  });

  it.each([
    {
      note: 'ReadyForQuery outside a transaction',
      stream: [commandComplete, readyForQuery('I')],
      isIdle: true,
    },
    { note: 'ReadyForQuery in a transaction', stream: [commandComplete, readyForQuery('T')], isIdle: false },
    { note: 'ReadyForQuery in a failed transaction', stream: [readyForQuery('E')], isIdle: false },
    { note: 'ReadyForQuery and an answer', stream: [readyForQuery('I'), commandComplete], isIdle: false },
    {
      note: 'ReadyForQuery and an answer without a body',
      stream: [readyForQuery('I'), emptyQueryResponse],
      isIdle: false,
    },
    { note: 'ReadyForQuery and a notification', stream: [readyForQuery('I'), notification], isIdle: true },
    { note: 'an answer and a notification', stream: [commandComplete, notification], isIdle: false },
    {
      note: 'ReadyForQuery without a status',
      stream: [readyForQuery('I'), typedMessage('Z')],
      isIdle: false,
    },
    {
      note: 'another message that ends in an I',
      stream: [typedMessage('C', Buffer.from('I'))],
      isIdle: false,
    },
    {
      note: 'ReadyForQuery and half a notification',
      stream: [readyForQuery('I'), notification.subarray(0, 7)],
      isIdle: false,
    },
    { note: 'ReadyForQuery and one byte', stream: [readyForQuery('I'), fromHex('41')], isIdle: false },
  ])('is idle or not behind $note', ({ stream, isIdle }) => {
    expect(after(Buffer.concat(stream)).isIdle).toBe(isIdle);
    expect(after(...stream).isIdle).toBe(isIdle);
  });

  it.each(['44ffffffff', '4480000000', '4400000003', '4400000000'])(
    'is lost for good behind the header %s',
    (header) => {
      const whole = after(commandComplete, fromHex(header), readyForQuery('I'));
      expect(whole).toMatchObject({ isBroken: true, isAtBoundary: false, isIdle: false });
      const atOnce = after(Buffer.concat([commandComplete, fromHex(header), readyForQuery('I')]));
      expect(atOnce).toMatchObject({ isBroken: true, isAtBoundary: false, isIdle: false });
      const split = after(...Array.from(fromHex(header), (byte) => Buffer.of(byte)), Buffer.alloc(100));
      expect(split).toMatchObject({ isBroken: true, isAtBoundary: false, isIdle: false });
    },
  );

  it('is as far away as the longest length says', () => {
    const boundaries = after(fromHex('447fffffff'), Buffer.alloc(65_536));
    expect(boundaries).toMatchObject({ isBroken: false, isAtBoundary: false });
  });

  it.each([1, 2, 3, 4, 5])('is found in a long chunk that begins with byte %i of a message', (cut) => {
    const stream = Buffer.concat(Array.from({ length: 300 }, () => typedMessage('D', Buffer.alloc(1))));
    const boundaries = after(stream.subarray(0, cut), stream.subarray(cut));
    expect(boundaries).toMatchObject({ isAtBoundary: true, isBroken: false });
  });

  it('is found behind each message, whatever the chunks', () => {
    const bodies = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes));
    const messages = fc.oneof(
      fc.tuple(fc.constantFrom('D', 'A', 'Z', 'C'), bodies).map(([type, body]) => typedMessage(type, body)),
      fc.constantFrom('I', 'T').map(readyForQuery),
    );
    const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(messages, { maxLength: 12 }), cuts, (stream, sizes) => {
        const bytes = Buffer.concat(stream);
        const ends = new Set([
          0,
          ...stream.map((_, index) => Buffer.concat(stream.slice(0, index + 1)).length),
        ]);
        const boundaries = new MessageBoundaries();
        let offset = 0;
        for (let turn = 0; offset < bytes.length; turn++) {
          const chunk = bytes.subarray(offset, offset + (sizes[turn % sizes.length] ?? 1));
          boundaries.push(chunk);
          offset += chunk.length;
          expect(boundaries.isAtBoundary).toBe(ends.has(offset));
        }
        expect(boundaries.isIdle).toBe(after(bytes).isIdle);
      }),
    );
  });
});
