import { MessageHeader, headerLength } from './message-header.js';

const readyForQuery = 0x5a; // Z
const notificationResponse = 0x41; // A
const idle = 0x49; // I

/**
 * Walks the messages of a stream that is relayed as it is, so that a session can be ended between two messages and its
 * client still reads the reason. Nothing is copied or kept but the header that a chunk breaks off in.
 *
 * It begins at a boundary. Given to it, the ReadyForQuery of the login counts too.
 *
 * @see PostgreSQL documentation, section 55.1 (a type byte, and a length that counts itself)
 */
export class MessageBoundaries {
  readonly #header = new MessageHeader();
  /** Bytes that the message still has to come. */
  #bodyLeft = 0;
  #isIdle = false;
  #isBroken = false;
  /** ReadyForQuery messages so far: each answers what the client has asked until a Sync, or by one query. */
  answers = 0;

  /** Between two messages. Never true again once the stream is broken. */
  get isAtBoundary(): boolean {
    return this.#bodyLeft === 0 && !this.#header.isBegun && !this.#isBroken;
  }

  /**
   * Between two messages, the last one a ReadyForQuery outside a transaction; notifications may have come since, as
   * they come to idle sessions. What the client has sent since then is not known here.
   */
  get isIdle(): boolean {
    return this.#isIdle && this.isAtBoundary;
  }

  /** A length was less than 4 or more than 2^31-1: where messages begin can't be known any more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** @param chunk the next bytes of the stream, cut anywhere */
  push(chunk: Buffer): void {
    let offset = this.#readBody(chunk, 0);
    while (offset < chunk.length && !this.#isBroken) {
      if (!this.#header.isBegun) offset = this.#skipWholeMessages(chunk, offset);
      offset = this.#readBody(chunk, this.#readHeader(chunk, offset));
    }
  }

  /** Nearly all messages of a large result: a loop that writes no field is twice as fast. */
  #skipWholeMessages(chunk: Buffer, start: number): number {
    let isIdle = this.#isIdle;
    let answers = 0;
    let offset = start;
    while (offset + headerLength < chunk.length) {
      const end = offset + 1 + chunk.readInt32BE(offset + 1);
      if (end <= offset + headerLength || end > chunk.length) break;
      const type = chunk[offset];
      if (type === readyForQuery) answers++;
      if (type !== notificationResponse) isIdle = type === readyForQuery && chunk[end - 1] === idle;
      offset = end;
    }
    this.#isIdle = isIdle;
    this.answers += answers;
    return offset;
  }

  /** The header of a message that has no body, is not whole in the chunk, or can't be one. */
  #readHeader(chunk: Buffer, start: number): number {
    const end = this.#header.read(chunk, start);
    if (this.#header.isComplete) this.#begin();
    return end;
  }

  #begin(): void {
    const bodyLength = this.#header.takeBodyLength();
    this.#isBroken = bodyLength < 0;
    this.#bodyLeft = Math.max(0, bodyLength);
    if (this.#header.type !== notificationResponse) this.#isIdle = false;
  }

  #readBody(chunk: Buffer, start: number): number {
    if (this.#bodyLeft === 0) return start;
    const end = Math.min(chunk.length, start + this.#bodyLeft);
    this.#bodyLeft -= end - start;
    if (this.#header.type === readyForQuery) this.#endReadyForQuery(chunk[end - 1]);
    return end;
  }

  #endReadyForQuery(status: number | undefined): void {
    this.#isIdle = status === idle;
    if (this.#bodyLeft === 0) this.answers++;
  }
}
