import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { isSocketFolder } from '../../base/socket-folder.js';
import { sslRequest } from '../wire/frontend-writers.js';
import { brokenConnection, nextEvent } from './socket-watch.js';
import { UpstreamError } from './upstream-error.js';
import type { UpstreamTls } from './upstream-tls.js';

export interface UpstreamOptions {
  /** Name or IP address, or the folder of the server's Unix socket, which begins with a slash. */
  readonly host: string;
  readonly port: number;
  /** Undefined is sslmode `disable`: no TLS is asked for. */
  readonly tls: UpstreamTls | undefined;
}

const keepAliveDelayMs = 60_000;

/**
 * Connects to the upstream server, with TLS where it is set. The socket sends without delay, keeps itself alive and
 * stays open for writing after the other side has ended. An error of it never ends the process: `close` follows.
 *
 * @param signal the deadline of the whole login, `AbortSignal.timeout` among its sources
 * @throws UpstreamError `unreachable` (08006), `timeout` (08006), `aborted`, `untrusted` (08001) when TLS is set and the
 *   server has none or one that is not believed, `protocol` (08P01). Nothing secret has been sent then.
 * @see PostgreSQL documentation, sections 55.2.10 (TLS) and 34.19 (sslmode)
 */
export async function connectUpstream(
  options: UpstreamOptions,
  signal: AbortSignal,
): Promise<Socket | TLSSocket> {
  const { tls } = options;
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs };
  const socket = connect({ ...placeOf(options), noDelay: true, ...keepAlive, allowHalfOpen: true });
  socket.on('error', () => undefined);
  await nextEvent(socket, 'connect', signal);
  if (tls === undefined) return socket;
  await requestTls(socket, signal);
  return tls.secure(socket, signal);
}

function placeOf({ host, port }: UpstreamOptions): { path: string } | { host: string; port: number } {
  return isSocketFolder(host) ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
}

async function requestTls(socket: Socket, signal: AbortSignal): Promise<void> {
  socket.write(sslRequest());
  await nextEvent(socket, 'readable', signal);
  const refusal = refusalOf(socket.read() as Buffer | null);
  if (refusal === undefined) return;
  socket.destroy();
  throw refusal;
}

/**
 * Anything behind the one byte was not encrypted, and would be taken for something that was (CVE-2021-23222). Nor is an
 * ErrorResponse read that nobody vouches for (CVE-2024-10977).
 */
function refusalOf(answer: Buffer | null): UpstreamError | undefined {
  if (answer === null) return brokenConnection(undefined);
  const [first] = answer.toString('latin1', 0, 1);
  if (first === 'N')
    return new UpstreamError(
      'untrusted',
      'the upstream has no TLS: set ssl = on there, or UPSTREAM__SSLMODE=disable here',
    );
  if (first !== 'S')
    return new UpstreamError('protocol', 'the upstream answers SSLRequest with neither S nor N');
  if (answer.length === 1) return undefined;
  return new UpstreamError('protocol', 'the upstream sent unencrypted data after its answer to SSLRequest');
}
