import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { SpareConnection } from '../../../src/gateway/upstream/spare-connection.js';
import type { UpstreamTls } from '../../../src/gateway/upstream/upstream-tls.js';
import { frozenClock } from '../../support/tokens.js';
import { makeAuthority } from './support/certificates.js';
import { echo, serverThat, tlsOf, tlsServer } from './support/scripted-connection.js';

const authority = makeAuthority();
const localhost = authority.certify('DNS:localhost');
authority.close();

afterEach(() => {
  vi.useRealTimers();
});

/** A spare connection to that port, and the clock that it goes by. */
function spareTo(port: number, tls?: UpstreamTls) {
  const clock = frozenClock();
  const spare = new SpareConnection({ host: '127.0.0.1', port, tls }, clock.now);
  onTestFinished(() => {
    spare.close();
  });
  return { spare, clock };
}

const { signal } = new AbortController();

/** Two logins shortly after another, which find none. */
async function makeWanted(spare: SpareConnection): Promise<void> {
  expect([await spare.take(signal), await spare.take(signal)]).toEqual([undefined, undefined]);
}

async function taken(spare: SpareConnection): Promise<Socket> {
  const socket = await spare.take(signal);
  if (socket === undefined) throw new Error('there is no spare connection');
  onTestFinished(() => void socket.destroy());
  return socket;
}

type RecordingServer = Awaited<ReturnType<typeof recordingServer>>;

/** A server, its connections so far, and the next of them. */
async function recordingServer(serve: (socket: Socket) => unknown = () => undefined) {
  const sockets: Socket[] = [];
  let arrived = Promise.withResolvers<Socket>();
  const server = await serverThat((socket) => {
    sockets.push(socket);
    arrived.resolve(socket);
    arrived = Promise.withResolvers();
    serve(socket);
  });
  return { ...server, sockets, next: () => arrived.promise };
}

/** How many connections there were before one that is made now. */
async function connectionsBefore({ port, sockets, next }: RecordingServer): Promise<number> {
  const arrived = next();
  const last = connect(port, '127.0.0.1');
  onTestFinished(() => void last.destroy());
  await once(last, 'connect');
  await arrived;
  return sockets.findIndex(({ remotePort }) => remotePort === last.localPort);
}

describe('the spare connection to the upstream', () => {
  it('is not made for a login that is alone', async () => {
    const server = await recordingServer();
    const { spare, clock } = spareTo(server.port);
    for (let login = 0; login < 3; login++) {
      expect(await spare.take(signal)).toBeUndefined();
      clock.advance(5_000);
    }
    expect(await connectionsBefore(server)).toBe(0);
  });

  it('is there for the next login when they come one after another, one at a time', async () => {
    const server = await recordingServer((socket) => socket.pipe(socket));
    const { spare } = spareTo(server.port);
    await makeWanted(spare);
    const first = await taken(spare);
    const second = await taken(spare);
    expect(first).not.toBe(second);
    for (const socket of [first, second]) expect(await echo(socket.resume(), 'startup')).toBe('startup');
  });

  it('is waited for when it is still on its way', async () => {
    const server = await recordingServer((socket) => socket.pipe(socket));
    const { spare } = spareTo(server.port);
    await makeWanted(spare);
    const [first, second] = await Promise.all([taken(spare), taken(spare)]);
    expect(first).not.toBe(second);
    expect(await echo(first.resume(), 'startup')).toBe('startup');
  });

  it('is waited for no longer than the login lasts, and closed then', async () => {
    const silent = await recordingServer();
    const { spare } = spareTo(silent.port, tlsOf({ sslMode: 'require' }));
    const connected = silent.next();
    await makeWanted(spare);
    const login = new AbortController();
    const waiting = spare.take(login.signal);
    const socket = await connected;
    const closed = once(socket.resume(), 'close');
    login.abort();
    expect(await waiting).toBeUndefined();
    await closed;
    expect(await spare.take(AbortSignal.abort())).toBeUndefined();
  });

  it('is waited for no longer than a second, and closed then', async () => {
    const silent = await recordingServer();
    const { spare } = spareTo(silent.port, tlsOf({ sslMode: 'require' }));
    const connected = silent.next();
    await makeWanted(spare);
    const socket = await connected;
    const closed = once(socket.resume(), 'close');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const waiting = spare.take(signal);
    vi.advanceTimersByTime(1_000);
    expect(await waiting).toBeUndefined();
    await closed;
  });

  it('is closed when it was ready for a login that is over', async () => {
    const server = await recordingServer((socket) => socket.pipe(socket));
    const { spare } = spareTo(server.port);
    const connected = server.next();
    await makeWanted(spare);
    const socket = await connected;
    // On the way back to the event loop the connection is seen at this end too.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    const closed = once(socket, 'close');
    expect(await spare.take(AbortSignal.abort())).toBeUndefined();
    await closed;
  });

  it('is nobody’s when other authorities are believed since', async () => {
    const server = await tlsServer(localhost);
    const options = { host: '127.0.0.1', port: server.port, tls: tlsOf({ sslMode: 'require' }) };
    const spare = new SpareConnection(options, frozenClock().now);
    onTestFinished(() => {
      spare.close();
    });
    await makeWanted(spare);
    options.tls = tlsOf({ sslMode: 'verify-full', ca: authority.ca });
    expect(await spare.take(signal)).toBeUndefined();
    await taken(spare);
  });

  it('is encrypted already', async () => {
    const server = await tlsServer(localhost);
    const { spare } = spareTo(server.port, tlsOf({ sslMode: 'verify-full', ca: authority.ca }));
    await makeWanted(spare);
    const socket = await taken(spare);
    expect(await echo(socket.resume(), 'startup')).toBe('startup');
    expect(server.received().includes('startup')).toBe(false);
  });

  it.each<[string, (socket: Socket) => unknown]>([
    ['ends it', (socket) => socket.end()],
    ['resets it', (socket) => socket.resetAndDestroy()],
    ['speaks first', (socket) => socket.write('E')],
  ])('is nobody’s when the server %s', async (_, end) => {
    const server = await recordingServer();
    const { spare } = spareTo(server.port);
    const connected = server.next();
    await makeWanted(spare);
    const socket = await connected;
    const closed = once(socket.resume(), 'close');
    end(socket);
    await closed;
    expect(await spare.take(signal)).toBeUndefined();
  });

  it('is closed when nobody takes it for 5 seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const server = await recordingServer();
    const { spare } = spareTo(server.port);
    const connected = server.next();
    await makeWanted(spare);
    const socket = await connected;
    const closed = once(socket.resume(), 'close');
    vi.advanceTimersByTime(5_000);
    await closed;
    expect(await spare.take(signal)).toBeUndefined();
  });

  it('is closed with the gateway, and none is made afterwards', async () => {
    const server = await recordingServer();
    const { spare } = spareTo(server.port);
    const connected = server.next();
    await makeWanted(spare);
    const socket = await connected;
    const closed = once(socket.resume(), 'close');
    spare.close();
    await closed;
    await makeWanted(spare);
    expect(await connectionsBefore(server)).toBe(1);
  });

  it('comes when the server does, however often there was none', async () => {
    const gone = await recordingServer();
    await gone.close();
    const { spare } = spareTo(gone.port);
    await makeWanted(spare);
    const server = createServer().listen(gone.port, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    expect(await spare.take(signal)).toBeUndefined();
    await taken(spare);
  });
});
