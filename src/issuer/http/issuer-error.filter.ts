import { Catch, Inject, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { exceptionStatus } from '../../base/exception-status.js';
import { endpointAt, endpoints } from '../endpoints.js';
import { OAuthError, UnknownServerError } from '../oauth-error.js';
import { oktaError } from './okta-error.js';

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Every error in OAuth's form where OAuth has one, in Okta's elsewhere. Of a 5xx, the client learns nothing more. */
@Catch()
export class IssuerErrorFilter implements ExceptionFilter {
  readonly #adapterHost: HttpAdapterHost;
  readonly #logger = new Logger('Issuer');

  constructor(@Inject(HttpAdapterHost) adapterHost: HttpAdapterHost) {
    this.#adapterHost = adapterHost;
  }

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const { url } = http.getRequest<{ url: string }>();
    const { status, body, headers = {} } = answerTo(exception, url.split('?', 1)[0] ?? '');
    if (status >= 500) this.#logger.error(exception);
    const { httpAdapter } = this.#adapterHost;
    const response: unknown = http.getResponse();
    const all = { 'cache-control': 'no-cache, no-store', pragma: 'no-cache', ...headers };
    for (const [name, value] of Object.entries(all)) httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, body, status);
  }
}

function answerTo(exception: unknown, path: string): Answer {
  if (exception instanceof OAuthError) return oauthAnswer(exception);
  if (exception instanceof UnknownServerError) return unknownServer(exception);
  const status = exceptionStatus(exception);
  const endpoint = endpointAt(path);
  if (status === 404 && endpoint !== undefined)
    return { status: 405, body: oktaError(405), headers: { allow: endpoints[endpoint].method } };
  return { status, body: oktaError(status) };
}

function oauthAnswer({ status, code, message }: OAuthError): Answer {
  const body = { error: code, error_description: message };
  // RFC 6749 section 5.2: a 401 names the scheme that would do.
  return status === 401
    ? { status, body, headers: { 'www-authenticate': `Basic realm="issuer", error="${code}"` } }
    : { status, body };
}

function unknownServer({ serverId }: UnknownServerError): Answer {
  const shown = serverId.slice(0, 100);
  return {
    status: 404,
    body: oktaError(404, `Not found: Resource not found: ${shown} (AuthorizationServer)`),
  };
}
