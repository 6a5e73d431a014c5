import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { exitUnavailable, SetupError } from '../base/setup-error.js';

/** Where to listen, and which setting says so. */
export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Name of the setting that holds the port, for the message. */
  readonly setting: string;
}

/** The address can't be listened on; the message is one line for the operator, naming port and setting. */
export class ListenError extends SetupError {
  override readonly name = 'ListenError';
  override readonly exitCode = exitUnavailable;
  readonly address: ListenAddress;

  constructor(address: ListenAddress, problem: string, cause: unknown) {
    super(`${problem}; set ${address.setting} to another port`, { cause });
    this.address = address;
  }
}

/**
 * Starts listening.
 *
 * @returns the port, which the system chose if 0 was asked for
 * @throws ListenError when the port is in use or not allowed
 */
export async function listen(server: Server, address: ListenAddress): Promise<number> {
  server.listen(address.port, address.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw toListenError(error, address);
  }
  return (server.address() as AddressInfo).port;
}

/** For servers that another library starts: a ListenError if that is what happened, else the error as it was. */
export function toListenError(error: unknown, address: ListenAddress): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return new ListenError(address, `port ${address.port} is in use`, error);
  if (code === 'EACCES')
    return new ListenError(address, `port ${address.port} needs more rights than this user has`, error);
  return error;
}
