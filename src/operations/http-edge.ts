import { STATUS_CODES, createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests are bounded before they are read. Times are milliseconds, sizes bytes. */
export const httpLimits = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  // How often the two above are looked at: Node's own 30 seconds would treble them.
  connectionsCheckingInterval: 5_000,
  // Longer than the idle time of the usual balancers, so that they close idle connections, not this side.
  keepAliveTimeout: 75_000,
} as const satisfies ServerOptions;

/** How a service words the errors that come before its framework. */
export type ErrorAnswer = (status: number) => {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/**
 * Node's server within bounds. What Node would answer itself with an empty body, is answered here in the service's words:
 * no Host header (RFC 9112 section 3.2), and an expectation that nobody meets (RFC 9110 section 10.1.1).
 */
export function createHttpServer(
  handler: RequestListener,
  answer: ErrorAnswer,
  limits: ServerOptions = httpLimits,
): Server {
  const server = createServer({ ...limits, requireHostHeader: false }, (request, response) => {
    if (hasHost(request)) handler(request, response);
    else answerError(response, 400, answer);
  });
  return server.on('checkExpectation', (_: IncomingMessage, response: ServerResponse) => {
    answerError(response, 417, answer);
  });
}

/** HTTP/1.0 has no need of it. */
function hasHost({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.host !== undefined || httpVersion === '1.0';
}

/** Ends the connection as well: whoever sends this is not understood any further. */
export function answerError(response: ServerResponse, status: number, answer: ErrorAnswer): void {
  const { headers, body } = answer(status);
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' });
  response.end(body);
}

/** Answers bytes that are no HTTP request, and requests too large or too slow to become one, and closes. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, answer: ErrorAnswer): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = statusOfClientError(error.code);
  const { headers, body } = answer(status);
  const lines = Object.entries({
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n${body}`, () =>
    socket.destroy(),
  );
}

function statusOfClientError(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}
