import type { IncomingMessage } from 'node:http';
import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { sourceOf } from '../../base/source-address.js';
import { readOAuthParameters } from '../oauth-parameters.js';
import type { OAuthParameters } from '../oauth-parameters.js';

/** What an OAuth endpoint reads of a request. */
export interface OAuthRequest {
  readonly parameters: OAuthParameters;
  /** Every Authorization header: Node keeps the first and says nothing of the others. */
  readonly authorization: readonly string[];
  /** The path of the endpoint as received, without the query. */
  readonly path: string;
  /** Where it comes from, as failed attempts are counted. */
  readonly source: string;
}

interface FastifyRequest {
  readonly raw: IncomingMessage;
  /** The socket's, or what a trusted proxy says. */
  readonly ip?: string;
  readonly body?: unknown;
}

/**
 * The request of an OAuth endpoint, as a parameter of a handler.
 *
 * @throws OAuthError `invalid_request` when its parameters can't be read
 */
export const OAuth = createParamDecorator((_: undefined, context: ExecutionContext): OAuthRequest => {
  const { raw, ip = '', body } = context.switchToHttp().getRequest<FastifyRequest>();
  const target = raw.url ?? '';
  return {
    parameters: readOAuthParameters({
      body: body instanceof Uint8Array ? body : undefined,
      contentType: raw.headers['content-type'],
      target,
    }),
    authorization: raw.headersDistinct.authorization ?? [],
    path: target.split('?', 1)[0] ?? '',
    source: sourceOf(ip),
  };
});
