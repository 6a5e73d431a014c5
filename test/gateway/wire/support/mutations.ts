import fc from 'fast-check';

/** One change to bytes: what a broken, or a hostile, program might make of them. */
type Mutation = (bytes: Buffer) => Buffer;

const positions = fc.nat({ max: 400 });
const lengths = fc.constantFrom(0, 3, 4, 7, 8, 9, 16, 268, 269, 10_000, 10_001, 0x7fffffff, -1, -0x80000000);

const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(positions, fc.nat({ max: 255 })).map(([at, byte]) => replaceByte(at, byte)),
  fc.tuple(positions, fc.uint8Array({ maxLength: 8 })).map(([at, extra]) => insert(at, Buffer.from(extra))),
  fc.tuple(positions, positions).map(([at, count]) => remove(at, count % 16)),
  fc.tuple(positions, positions).map(([from, count]) => repeat(from, count % 64)),
  positions.map(truncate),
  lengths.map(setLength),
  // Most changes break the length first. Set right again, it lets the reader get further.
  fc.constant(correctLength),
  fc.constant(correctLength),
);

/** The bytes with up to six mutations, one after another. */
export function mutated(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...seeds), fc.array(mutations, { maxLength: 6 }))
    .map(([seed, steps]) => steps.reduce((bytes, step) => step(bytes), seed));
}

export const randomBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

function replaceByte(at: number, byte: number): Mutation {
  return (bytes) => Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at + 1)]);
}

function insert(at: number, extra: Buffer): Mutation {
  return (bytes) => Buffer.concat([bytes.subarray(0, at), extra, bytes.subarray(at)]);
}

function remove(at: number, count: number): Mutation {
  return (bytes) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)]);
}

function repeat(from: number, count: number): Mutation {
  return (bytes) => Buffer.concat([bytes.subarray(0, from + count), bytes.subarray(from)]);
}

function truncate(at: number): Mutation {
  return (bytes) => bytes.subarray(0, at);
}

function setLength(length: number): Mutation {
  return (bytes) => {
    if (bytes.length < 4) return bytes;
    const changed = Buffer.from(bytes);
    changed.writeInt32BE(length, 0);
    return changed;
  };
}

function correctLength(bytes: Buffer): Buffer {
  return setLength(bytes.length)(bytes);
}
