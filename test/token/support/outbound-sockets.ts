import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** Counts every socket that this process opens towards anybody while `during` runs. */
export async function outboundSocketsDuring(during: () => Promise<unknown>): Promise<number> {
  let sockets = 0;
  const count = (): void => {
    sockets++;
  };
  subscribe('net.client.socket', count);
  try {
    await during();
  } finally {
    unsubscribe('net.client.socket', count);
  }
  return sockets;
}
