import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A way to a database that can fall silent: connections stay open, and nothing comes through any more. */
export interface DatabaseGate {
  /** The database's URL, by this way. */
  readonly url: string;
  /** No byte gets through, on connections that are there and on new ones, which are still accepted. */
  fallSilent(): void;
  /** New connections get through again. Those that fell silent stay so, as after the loss of a machine. */
  openAgain(): void;
  close(): Promise<void>;
}

export async function startDatabaseGate(databaseUrl: string): Promise<DatabaseGate> {
  const database = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let isOpen = true;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    if (!isOpen) return;
    const far = keep(connect(Number(database.port), database.hostname));
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    fallSilent: () => {
      isOpen = false;
      for (const socket of sockets) socket.unpipe().pause();
    },
    openAgain: () => {
      isOpen = true;
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
