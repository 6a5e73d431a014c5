import type { Socket } from 'node:net';
import { UpstreamError } from './upstream-error.js';

/** What a connection that ended stands for. The cause is there when the socket gave one. */
export type Explain = (cause: Error | undefined) => UpstreamError;

/**
 * Calls back once, when nothing more can come: the socket failed, was ended or closed by the other side, or the signal
 * was aborted. The socket is destroyed then. May call back before it returns.
 *
 * @returns ends the watch and leaves the socket as it is
 */
export function watchSocket(
  socket: Socket,
  signal: AbortSignal,
  onFailure: (error: UpstreamError) => void,
  explain: Explain = brokenConnection,
): () => void {
  let cause: Error | undefined;
  const fail = (error: UpstreamError): void => {
    stop();
    socket.destroy();
    onFailure(error);
  };
  // An error is followed by `close`, which tells it.
  const onError = (error: Error): void => void (cause = error);
  const onClose = (): void => {
    fail(explain(cause));
  };
  const onAbort = (): void => {
    fail(abortedBy(signal));
  };
  const stop = (): void => {
    socket.off('error', onError).off('end', onClose).off('close', onClose);
    signal.removeEventListener('abort', onAbort);
  };
  socket.on('error', onError).on('end', onClose).on('close', onClose);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  else if (socket.destroyed) onClose();
  return stop;
}

/**
 * Settles with the first such event.
 *
 * @throws UpstreamError when the socket fails before, or the signal is aborted; the socket is destroyed then
 */
export function nextEvent(
  socket: Socket,
  event: 'connect' | 'secureConnect' | 'readable',
  signal: AbortSignal,
  explain?: Explain,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onEvent = (): void => {
      stop();
      resolve();
    };
    socket.once(event, onEvent);
    const onFailure = (error: UpstreamError): void => {
      socket.off(event, onEvent);
      reject(error);
    };
    const stop = watchSocket(socket, signal, onFailure, explain);
  });
}

const maxLogLength = 300;

/** Text that the other side had a hand in, for one line of a log. */
export function logText(text: string): string {
  return text.slice(0, maxLogLength).replaceAll(/\p{Cc}/gu, ' ');
}

export function brokenConnection(cause: Error | undefined): UpstreamError {
  if (cause === undefined) return new UpstreamError('unreachable', 'the upstream closed the connection');
  return new UpstreamError('unreachable', `no connection to the upstream: ${reasonOf(cause)}`, { cause });
}

/** A host with several addresses fails with an error for each, and no text of its own. */
function reasonOf(cause: Error): string {
  return logText(cause.message === '' ? String((cause as NodeJS.ErrnoException).code) : cause.message);
}

function abortedBy(signal: AbortSignal): UpstreamError {
  const cause: unknown = signal.reason;
  const passed = cause instanceof DOMException && cause.name === 'TimeoutError';
  if (passed)
    return new UpstreamError('timeout', 'the upstream did not answer before the deadline', { cause });
  return new UpstreamError('aborted', 'the connection to the upstream was no longer wanted', { cause });
}
