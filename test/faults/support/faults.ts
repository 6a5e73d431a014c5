import type { ServerResponse } from 'node:http';
import type { UpstreamFailure } from '../../../src/base/upstream.js';
import type { Misbehave, Misbehaviour } from '../../support/misbehaviours.js';

/** One way to fail, and how the metric classes it. */
export interface Fault {
  readonly fault: string;
  readonly how: Misbehaviour | Misbehave;
  readonly failure: UpstreamFailure;
}

const named: Readonly<Record<Misbehaviour, UpstreamFailure>> = {
  refused: 'unreachable',
  silent: 'timeout',
  'reset mid-body': 'broken',
  drip: 'timeout',
  'status 500': 'status',
  'status 429': 'rate_limited',
  redirect: 'redirect',
  html: 'misshapen',
  'broken JSON': 'misshapen',
  'huge body': 'oversized',
  'gzip bomb': 'misshapen',
};

/** What an upstream may well do on a bad day. */
export const usualFaults: readonly Fault[] = Object.entries(named).map(([fault, failure]) => ({
  fault,
  how: fault as Misbehaviour,
  failure,
}));

/** An answer that would be good, were it not for how it is sent. */
const goodBody = '{"result":{"allow":true},"active":true,"keys":[]}';
const goodHead = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';

/** What breaks HTTP itself (RFC 9110, RFC 9112). */
export const protocolFaults: readonly Fault[] = [
  { fault: 'no content', how: (response) => response.writeHead(204).end(), failure: 'misshapen' },
  { fault: 'not text', how: sendNoise, failure: 'misshapen' },
  { fault: 'HTTP/0.9', how: raw(goodBody), failure: 'broken' },
  {
    fault: 'a head of 1 MB',
    how: raw(`${goodHead}x-filler: ${'x'.repeat(1024 * 1024)}\r\ncontent-length: 2\r\n\r\n{}`),
    failure: 'broken',
  },
  {
    fault: 'chunks that are none',
    how: raw(`${goodHead}transfer-encoding: chunked\r\n\r\nZZ\r\n${goodBody}\r\n0\r\n\r\n`),
    failure: 'broken',
  },
  {
    fault: 'two lengths',
    how: raw(`${goodHead}content-length: 2\r\ncontent-length: ${goodBody.length}\r\n\r\n${goodBody}`),
    failure: 'broken',
  },
  {
    fault: 'less than its length',
    how: raw(`${goodHead}content-length: ${goodBody.length + 1}\r\n\r\n${goodBody}`),
    failure: 'broken',
  },
  {
    fault: '101 instead of an answer',
    how: raw(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n${goodBody}`),
    failure: 'broken',
  },
  { fault: '103 for ever', how: floodWithHints, failure: 'timeout' },
];

/** Writes bytes past Node's own server, which would not send them, and ends the connection. */
function raw(bytes: string): Misbehave {
  return ({ req }) => req.socket.end(bytes, 'latin1');
}

function sendNoise(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  response.end(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
}

/** Some 10,000 interim responses a second (RFC 9110 section 15.2) and never a final one. */
function floodWithHints({ req: { socket } }: ServerResponse): void {
  const hints = 'HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n'.repeat(50);
  const timer = setInterval(() => socket.write(hints), 5);
  socket.on('close', () => {
    clearInterval(timer);
  });
}

/** Okta asks for an hour of rest: the longest back-off there is. */
export const restForAnHour: Fault = {
  fault: '429 for an hour',
  how: (response) => response.writeHead(429, { 'retry-after': '3600' }).end(),
  failure: 'rate_limited',
};
