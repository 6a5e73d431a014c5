import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A way to a server on which a connection can meet something else. */
export interface Passage {
  readonly port: number;
  /** Where connections are led to when their first bytes come. */
  leadTo(port: number): void;
  /** The next connection that is made is served by this. */
  nextMeets(serve: (socket: Socket) => unknown): void;
  /** The next connection on which something is sent is cut off. */
  cutTheNext(): void;
  /** Settles when a connection is open on which nothing was sent. */
  untilOneWaits(): Promise<void>;
  /** Nobody listens any more, and what is open is cut off. */
  close(): Promise<void>;
  /** Again, at the same port. */
  open(): Promise<void>;
}

export async function startPassage(): Promise<Passage> {
  const waiting = new Set<Socket>();
  const sockets = new Set<Socket>();
  let arrived = Promise.withResolvers<undefined>();
  let serve: ((socket: Socket) => unknown) | undefined;
  let isFickle = false;
  let target = 0;

  function lead(socket: Socket, first: Buffer): void {
    waiting.delete(socket);
    if (isFickle) {
      isFickle = false;
      socket.destroy();
      return;
    }
    const beyond = connect(target, '127.0.0.1').on('error', () => socket.destroy());
    beyond.write(first);
    socket.pipe(beyond).pipe(socket);
    socket.on('close', () => beyond.destroy());
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket) && waiting.delete(socket));
    if (serve !== undefined) {
      serve(socket);
      serve = undefined;
      return;
    }
    waiting.add(socket);
    arrived.resolve(undefined);
    arrived = Promise.withResolvers();
    socket.once('data', (first: Buffer) => {
      lead(socket, first);
    });
  });
  const open = async (port: number): Promise<void> => {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  };
  await open(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    leadTo: (to) => void (target = to),
    nextMeets: (what) => void (serve = what),
    cutTheNext: () => void (isFickle = true),
    untilOneWaits: async () => {
      while (waiting.size === 0) await arrived.promise;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    open: () => open(port),
  };
}
