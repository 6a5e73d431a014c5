import type { BackendKey } from '../wire/backend-reader.js';
import { cancelRequest } from '../wire/frontend-writers.js';
import { watchSocket } from './socket-watch.js';
import { connectUpstream } from './upstream-connection.js';
import type { UpstreamOptions } from './upstream-connection.js';

/**
 * Asks the upstream server to cancel what one of its sessions does, on a connection of its own: over TLS where sessions
 * have it. Settles when the server has closed that connection, which is all the answer there is.
 *
 * @throws UpstreamError as connectUpstream, and `timeout` or `aborted` when the server does not close in time
 * @see PostgreSQL documentation, section 55.2.8
 */
export async function cancelUpstream(
  options: UpstreamOptions,
  { processId, secret }: BackendKey,
  signal: AbortSignal,
): Promise<void> {
  const socket = await connectUpstream(options, signal);
  await new Promise<void>((resolve, reject) => {
    watchSocket(socket, signal, (error) => {
      if (error.kind === 'unreachable') resolve();
      else reject(error);
    });
    // Its end is seen only by who reads.
    socket.resume();
    socket.write(cancelRequest(processId, secret));
  });
}
