import type { RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import * as edge from '../operations/http-edge.js';
import { httpProblem } from './http-problem.js';

export { httpLimits } from '../operations/http-edge.js';

/** Node's server within bounds; what never reaches the framework is answered with problem documents. */
export function createHttpServer(handler: RequestListener, limits?: ServerOptions): Server {
  return edge.createHttpServer(handler, httpProblem, limits);
}

/** Ends the connection as well: whoever sends this is not understood any further. */
export function answerProblem(response: ServerResponse, status: number): void {
  edge.answerError(response, status, httpProblem);
}
