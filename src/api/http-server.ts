import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import { httpProblem } from './http-problem.js';

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

/**
 * Node's server within bounds. What Node would answer itself with an empty body, is answered here as a problem document:
 * no Host header (RFC 9112 section 3.2), and an expectation that nobody meets (RFC 9110 section 10.1.1).
 */
export function createHttpServer(handler: RequestListener, limits: ServerOptions = httpLimits): Server {
  const server = createServer({ ...limits, requireHostHeader: false }, (request, response) => {
    if (hasHost(request)) handler(request, response);
    else answerProblem(response, 400);
  });
  return server.on('checkExpectation', (_: IncomingMessage, response: ServerResponse) => {
    answerProblem(response, 417);
  });
}

/** HTTP/1.0 has no need of it. */
function hasHost({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.host !== undefined || httpVersion === '1.0';
}

/** Ends the connection as well: whoever sends this is not understood any further. */
export function answerProblem(response: ServerResponse, status: number): void {
  const { headers, body } = httpProblem(status);
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' });
  response.end(body);
}
