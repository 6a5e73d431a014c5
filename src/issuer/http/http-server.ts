import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { answerClientError, answerError, createHttpServer } from '../../operations/http-edge.js';
import type { ErrorAnswer } from '../../operations/http-edge.js';
import { oktaErrorOf } from './okta-error.js';

/** What never reaches a controller or filter is answered in Okta's form too. */
const inOktasForm: ErrorAnswer = (status) => ({
  headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, no-store' },
  body: JSON.stringify(oktaErrorOf(status)),
});

/**
 * How the issuer takes requests: bounded before they are read, as tokens and forms are small.
 *
 * @param trustProxy addresses and networks whose X-Forwarded-* headers count
 */
export function httpOptions(trustProxy: readonly string[]) {
  return {
    bodyLimit: 64 * 1024,
    // As long as a URL can be: an id that is none is answered like every other.
    routerOptions: { maxParamLength: 16 * 1024 },
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    serverFactory: (handler: RequestListener) => createHttpServer(handler, inOktasForm),
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => {
      answerClientError(error, socket, inOktasForm);
    },
    // Targets that the router can't read or finds too long; neither a filter nor a hook gets to see them.
    frameworkErrors: ({ statusCode = 400 }: FastifyError, _: FastifyRequest, reply: FastifyReply) => {
      answerError(reply.raw, statusCode, inOktasForm);
    },
    return503OnClosing: false,
  } satisfies FastifyServerOptions;
}

/**
 * Scripts of any origin may call: browser clients fetch metadata, keys and tokens. Nothing here goes by cookies that a
 * script's request would carry (no credentials), so an origin tells nothing about rights.
 */
export const crossOrigin = {
  origin: '*',
  methods: ['GET', 'POST'],
  allowedHeaders: ['authorization', 'content-type', 'x-okta-user-agent-extended'],
  exposedHeaders: ['www-authenticate', 'retry-after', 'x-okta-request-id'],
  maxAge: 600,
  // OPTIONS without the headers of a preflight is nothing bad (RFC 9110 section 9.3.7).
  strictPreflight: false,
};
