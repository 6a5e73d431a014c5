import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { answerClientError as answerClientErrorWith } from '../operations/http-edge.js';

interface Problem {
  readonly code: string;
  readonly detail: string;
}

/** What a client can be told about each status that is not the guard's. */
const problems: Readonly<Record<number, Problem>> = {
  400: { code: 'bad_request', detail: 'The request could not be read.' },
  404: { code: 'not_found', detail: 'There is nothing here.' },
  405: { code: 'method_not_allowed', detail: 'The resource has no such method.' },
  408: { code: 'request_timeout', detail: 'The request did not arrive in time.' },
  413: { code: 'content_too_large', detail: 'The body of the request is too large.' },
  414: { code: 'uri_too_long', detail: 'The request target is too long.' },
  415: { code: 'unsupported_media_type', detail: 'The body has a type that is not accepted here.' },
  431: { code: 'header_too_large', detail: 'The header of the request is too large.' },
  500: { code: 'internal_error', detail: 'The request failed on the side of the server.' },
};

/** RFC 9457 document for a status, with the headers it is sent with. */
export function httpProblem(status: number): { headers: Record<string, string>; body: string } {
  const { code, detail } = problems[status] ?? (status < 500 ? badRequest : internalError);
  const title = STATUS_CODES[status] ?? 'Error';
  return {
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
    body: JSON.stringify({ type: `urn:nest-okta-opa:problem:${code}`, title, status, detail, code }),
  };
}

const badRequest: Problem = { code: 'bad_request', detail: 'The request could not be read.' };
const internalError: Problem = {
  code: 'internal_error',
  detail: 'The request failed on the side of the server.',
};

/** Answers bytes that are no HTTP request, and requests too large or too slow to become one, and closes. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  answerClientErrorWith(error, socket, httpProblem);
}
