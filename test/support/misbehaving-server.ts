import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { misbehaviours } from './misbehaviours.js';
import type { Misbehave, Misbehaviour } from './misbehaviours.js';

/** A request that was received whole. */
export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers a request whose body was read. */
export type StandInAnswer = (request: ReceivedRequest, response: ServerResponse) => void;

/** Of a name, or one that only a test knows. */
type Behaviour = Misbehaviour | Misbehave | 'well';

/** A real HTTP server on loopback that plays Okta or OPA well, or badly when told to. */
export interface MisbehavingServer {
  /** `http://127.0.0.1:port`; the same port for the whole life of the server. */
  readonly origin: string;
  readonly port: number;
  /** Every request since the start, also those that were answered badly. */
  readonly requests: readonly ReceivedRequest[];
  /** Sockets that are open now. */
  readonly openSockets: number;
  /** From now on; `well` ends it. `refused` closes the port and what is connected to it. */
  misbehave(how: Behaviour): Promise<void>;
  /** Lets requests wait for their answer until the function that it returns is called. */
  hold(): () => void;
  /** Settles when that many requests have been received since the start. */
  received(count: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a server that gives `answer` until it is told to misbehave.
 *
 * @param socketPath a Unix socket to listen on instead of a port
 */
export async function startMisbehavingServer(
  answer: StandInAnswer,
  socketPath?: string,
): Promise<MisbehavingServer> {
  const server = new StandInServer(answer, socketPath);
  await server.listen();
  return server;
}

class StandInServer implements MisbehavingServer {
  readonly requests: ReceivedRequest[] = [];
  port = 0;
  readonly #answer: StandInAnswer;
  readonly #socketPath: string | undefined;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #how: Behaviour = 'well';
  #gate: Promise<void> = Promise.resolve();
  #waiting: { count: number; resolve: () => void }[] = [];

  constructor(answer: StandInAnswer, socketPath?: string) {
    this.#answer = answer;
    this.#socketPath = socketPath;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<void> {
    const onRequest: RequestListener = (request, response) => void this.#receive(request, response);
    this.#server = createServer({ keepAliveTimeout: 60_000 }, onRequest);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      // Clients that give up reset the connection: what they are here to do.
      socket.on('error', () => undefined);
    });
    if (this.#socketPath === undefined) this.#server.listen(this.port, '127.0.0.1');
    else this.#server.listen(this.#socketPath);
    await once(this.#server, 'listening');
    if (this.#socketPath === undefined) this.port = (this.#server.address() as AddressInfo).port;
  }

  async misbehave(how: Behaviour): Promise<void> {
    this.#how = how;
    if (how === 'refused') await this.close();
    else if (this.#server === undefined) await this.listen();
  }

  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#gate = promise;
    return () => {
      resolve(undefined);
    };
  }

  received(count: number): Promise<void> {
    if (this.requests.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    try {
      for await (const chunk of request) body += String(chunk);
    } catch {
      return; // the client gave up while it was sending
    }
    const { method = '', url = '', headers } = request;
    const received = { method, url, headers, body };
    this.requests.push(received);
    this.#wakeWaiting();
    await this.#gate;
    const answerWell = (): void => {
      this.#answer(received, response);
    };
    if (this.#how === 'well') answerWell();
    else if (typeof this.#how === 'function') this.#how(response, answerWell);
    else misbehaviours[this.#how](response);
  }

  #wakeWaiting(): void {
    const due = this.#waiting.filter(({ count }) => count <= this.requests.length);
    this.#waiting = this.#waiting.filter((waiting) => !due.includes(waiting));
    for (const { resolve } of due) resolve();
  }
}

/** Sends a value as JSON. */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}
