import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

const hugeBodyBytes = 200 * 1024 * 1024;
const chunkBytes = 1024 * 1024;

/** Made once, when it is first sent. */
let gzipped: Buffer | undefined;

/**
 * The ways in which an upstream can fail, each as what it does to an answer on a real socket. `refused` is here for
 * its name: its server closes the port.
 */
export const misbehaviours = {
  /** Nothing listens. */
  refused: (response) => response.destroy(),
  /** The connection is accepted, the request read, and nothing is ever said. */
  silent: () => undefined,
  /** A good head, some of the body, and a reset. */
  'reset mid-body': (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"keys":[', () => {
      reset(response);
    });
  },
  /** One byte every 20 ms, for ever. */
  drip: (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => {
      clearInterval(timer);
    });
  },
  'status 500': (response) => {
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"errorCode":"E0000009"}');
  },
  'status 429': (response) => {
    response
      .writeHead(429, { 'content-type': 'application/json', 'retry-after': '2' })
      .end('{"errorCode":"E0000047"}');
  },
  /** To a place that would give a good answer. */
  redirect: (response) => {
    response.writeHead(302, { location: response.req.url ?? '/' }).end();
  },
  html: (response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>');
  },
  'broken JSON': (response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"active":true,"keys":[');
  },
  /** 200 MB of white space, which any JSON may begin with, without a length. */
  'huge body': (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    Readable.from(hugeBody()).pipe(response);
  },
  /** The same 200 MB in 200 KB. */
  'gzip bomb': (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end((gzipped ??= gzipBomb()));
  },
} as const satisfies Readonly<Record<string, (response: ServerResponse) => unknown>>;

export type Misbehaviour = keyof typeof misbehaviours;

/** What a misbehaviour does to an answer; `answerWell` gives the answer that was due. */
export type Misbehave = (response: ServerResponse, answerWell: () => void) => unknown;

export const allMisbehaviours = Object.keys(misbehaviours) as Misbehaviour[];

/** A Unix socket knows no reset, and its peer no address. */
function reset({ socket }: ServerResponse): void {
  if (socket?.remoteAddress === undefined) socket?.destroy();
  else socket.resetAndDestroy();
}

function* hugeBody(): Generator<Buffer> {
  const chunk = Buffer.alloc(chunkBytes, ' ');
  for (let sent = 0; sent < hugeBodyBytes; sent += chunkBytes) yield chunk;
}

/** RFC 1952 section 2.2: members one after another are one file. */
function gzipBomb(): Buffer {
  const member = gzipSync(Buffer.alloc(chunkBytes, ' '));
  return Buffer.concat(Array.from({ length: hugeBodyBytes / chunkBytes }, () => member));
}
