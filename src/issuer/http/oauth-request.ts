import type { IncomingMessage } from 'node:http';
import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { readOAuthParameters } from '../oauth-parameters.js';
import type { OAuthParameters } from '../oauth-parameters.js';

/** What an OAuth endpoint reads of a request. */
export interface OAuthRequest {
  readonly parameters: OAuthParameters;
  /** Every Authorization header: Node keeps the first and says nothing of the others. */
  readonly authorization: readonly string[];
}

interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly body?: unknown;
}

/**
 * The request of an OAuth endpoint, as a parameter of a handler.
 *
 * @throws OAuthError `invalid_request` when its parameters can't be read
 */
export const OAuth = createParamDecorator((_: undefined, context: ExecutionContext): OAuthRequest => {
  const { raw, body } = context.switchToHttp().getRequest<FastifyRequest>();
  return {
    parameters: readOAuthParameters({
      body: body instanceof Uint8Array ? body : undefined,
      contentType: raw.headers['content-type'],
      target: raw.url ?? '',
    }),
    authorization: raw.headersDistinct.authorization ?? [],
  };
});
