/** Of type byte and length, in bytes. */
export const headerLength = 5;

/** Type byte and length of one message after the other, out of a stream that is cut anywhere. */
export class MessageHeader {
  type = 0;
  #length = 0;
  #bytes = 0;

  /** Some of it is there. */
  get isBegun(): boolean {
    return this.#bytes > 0;
  }

  get isComplete(): boolean {
    return this.#bytes === headerLength;
  }

  /** @returns where the header ends, or the chunk */
  read(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + headerLength - this.#bytes);
    for (let offset = start; offset < end; offset++) this.#add(chunk.readUInt8(offset));
    return end;
  }

  /** Once it is complete: what follows it, in bytes, and the next one begins. Below 0 for a length that can't be. */
  takeBodyLength(): number {
    this.#bytes = 0;
    // Negative from 2^31 on, and it counts itself.
    return this.#length - 4;
  }

  #add(byte: number): void {
    if (this.#bytes === 0) this.type = byte;
    else this.#length = (this.#length << 8) | byte;
    this.#bytes++;
  }
}
