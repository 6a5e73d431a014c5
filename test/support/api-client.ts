import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request as it goes over the wire: nothing is added, escaped or put in order but what is left out here. */
export interface RawRequest {
  readonly method?: string;
  readonly target: string;
  /** Beside Host and Connection. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case; several of one name are joined by a line feed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends one request on a connection of its own and reads the answer to the end of the connection. */
export function send(port: number, request: RawRequest): Promise<Answer> {
  return sendBytes(port, toText(request));
}

/** Sends a GET with a token. */
export function get(port: number, target: string, token?: string): Promise<Answer> {
  return send(port, { target, ...(token === undefined ? {} : { headers: [bearer(token)] }) });
}

export function bearer(token: string): readonly [string, string] {
  return ['Authorization', `Bearer ${token}`];
}

/** Sends these bytes, whatever they are, and reads the answer to the end of the connection. */
export async function sendBytes(port: number, bytes: string): Promise<Answer> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(bytes, 'latin1');
  return readAnswer(socket);
}

/** The answer on a connection that the server ends. */
export async function readAnswer(socket: Socket): Promise<Answer> {
  return parseAnswer(await text(socket));
}

function toText({ method = 'GET', target, headers = [], body }: RawRequest): string {
  const length = body === undefined ? [] : [['Content-Length', String(Buffer.byteLength(body))] as const];
  const lines = [['Host', 'api.test'] as const, ['Connection', 'close'] as const, ...length, ...headers];
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${target} HTTP/1.1\r\n${head}\r\n${body ?? ''}`;
}

function parseAnswer(received: string): Answer {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) throw new Error(`no HTTP answer: ${JSON.stringify(received.slice(0, 200))}`);
  const [statusLine = '', ...lines] = received.slice(0, end).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [name = '', ...rest] = line.split(':');
    const known = headers[name.toLowerCase()];
    const value = rest.join(':').trim();
    headers[name.toLowerCase()] = known === undefined ? value : `${known}\n${value}`;
  }
  return { status: Number(statusLine.split(' ')[1]), headers, body: received.slice(end + 4) };
}

/** The JSON object in a body. */
export function json({ body }: Answer): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>;
}
