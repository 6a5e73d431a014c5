import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';

/** A message of the server: its type, and what follows the length. */
export interface RawMessage {
  readonly type: string;
  readonly body: Buffer;
}

/** A client that sends what it is told and reads message by message, over a socket that may be anything. */
export class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Up to and including the first message of this type; the end of the connection ends them too. */
  async readUntil(type: string): Promise<RawMessage[]> {
    const messages: RawMessage[] = [];
    for (;;) {
      const message = this.#take() ?? (await this.#more());
      if (message === 'end') return messages;
      if (message === 'again') continue;
      messages.push(message);
      if (message.type === type) return messages;
    }
  }

  /** What is left until the connection ends. */
  async rest(): Promise<string> {
    return this.#received.toString('latin1') + (await text(this.socket));
  }

  /** When there is something to read, or nothing more. */
  static async #event(socket: Socket): Promise<void> {
    const others = new AbortController();
    const { signal } = others;
    const events = ['readable', 'end', 'close'].map((event) => once(socket, event, { signal }));
    await Promise.race(events);
    others.abort();
  }

  #take(): RawMessage | undefined {
    if (this.#received.length < 5) return undefined;
    const end = 1 + this.#received.readUInt32BE(1);
    if (this.#received.length < end) return undefined;
    const message = {
      type: String.fromCharCode(this.#received[0] ?? 0),
      body: this.#received.subarray(5, end),
    };
    this.#received = this.#received.subarray(end);
    return message;
  }

  async #more(): Promise<'again' | 'end'> {
    const { socket } = this;
    if (socket.readableEnded || socket.destroyed) return 'end';
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) await RawClient.#event(socket);
    else this.#received = Buffer.concat([this.#received, chunk]);
    return 'again';
  }
}

/** A simple query. */
export function queryMessage(statement: string): Buffer {
  const text = Buffer.from(`${statement}\0`);
  const head = Buffer.from('Q\0\0\0\0');
  head.writeUInt32BE(text.length + 4, 1);
  return Buffer.concat([head, text]);
}
