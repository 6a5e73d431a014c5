import { MessageHeader } from './message-header.js';

const query = 0x51; // Q
const functionCall = 0x46; // F
const sync = 0x53; // S
const copyDone = 0x63; // c
const copyFail = 0x66; // f
/** Bind, Close, Describe, Execute, Flush and Parse: a Sync is still to come. */
const beforeSync: ReadonlySet<number> = new Set([0x42, 0x43, 0x44, 0x45, 0x48, 0x50]);

/**
 * Walks the messages of a client that are relayed as they are, and counts those that a ReadyForQuery answers. A client
 * that sends several at once has an answer to the first while the server is at work on the next.
 *
 * @see PostgreSQL documentation, sections 55.2.3 (extended query), 55.2.4 (pipelining) and 55.2.6 (COPY)
 */
export class OpenQuestions {
  /** ReadyForQuery messages that the server owes for what was sent so far. */
  asked = 0;
  readonly #header = new MessageHeader();
  #bodyLeft = 0;
  #wantsSync = false;
  #endsWithSync = false;
  #isBroken = false;

  /** Whether the client is in the middle of a message, or of a series of them that a Sync ends. */
  get isAsking(): boolean {
    return this.#wantsSync || this.#header.isBegun || this.#bodyLeft > 0 || this.#isBroken;
  }

  /** @param chunk the next bytes of the stream, cut anywhere */
  push(chunk: Buffer): void {
    let offset = this.#skipBody(chunk, 0);
    while (offset < chunk.length && !this.#isBroken) {
      offset = this.#header.read(chunk, offset);
      if (this.#header.isComplete) this.#begin();
      offset = this.#skipBody(chunk, offset);
    }
  }

  #begin(): void {
    const bodyLength = this.#header.takeBodyLength();
    // The server ends such a connection.
    this.#isBroken = bodyLength < 0;
    this.#bodyLeft = Math.max(0, bodyLength);
    const { type } = this.#header;
    if (type === query || type === functionCall || type === sync) this.#ask(type === sync);
    else if (type === copyDone || type === copyFail) this.#endCopy();
    else if (beforeSync.has(type)) this.#beginSeries();
  }

  #beginSeries(): void {
    this.#wantsSync = true;
    this.#endsWithSync = false;
  }

  #ask(bySync: boolean): void {
    this.asked++;
    this.#wantsSync = false;
    this.#endsWithSync = bySync;
  }

  /** Servers pass over a Sync that comes while they wait for data: the one that stood behind the COPY itself. */
  #endCopy(): void {
    if (this.#endsWithSync) this.asked--;
    this.#endsWithSync = false;
  }

  #skipBody(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.#bodyLeft);
    this.#bodyLeft -= end - start;
    return end;
  }
}
