import { Catch, Inject, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { exceptionStatus } from '../../base/exception-status.js';
import { endpointAt, endpoints } from '../endpoints.js';
import type { EndpointName } from '../endpoints.js';
import { OAuthError, UnknownServerError } from '../oauth-error.js';
import { OktaApiError } from '../okta-api-error.js';
import { RegistryError } from '../registry-error.js';
import { StorageError } from '../store/storage-error.js';
import { BusyError } from '../users/passwords.js';
import { oktaError, oktaErrorOf } from './okta-error.js';

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
  if (exception instanceof OktaApiError) return oktaAnswer(exception);
  if (exception instanceof RegistryError) return registryAnswer(exception);
  const endpoint = endpointAt(path);
  if (exception instanceof StorageError)
    return unavailable(endpoint, 'The database does not answer; try again.');
  if (exception instanceof BusyError) return unavailable(endpoint, 'Too many are signing in; try again.');
  const status = exceptionStatus(exception);
  if (status === 404 && endpoint !== undefined)
    return { status: 405, body: oktaErrorOf(405), headers: { allow: endpoints[endpoint].method } };
  return { status, body: oktaErrorOf(status) };
}

function oauthAnswer({ status, code, message }: OAuthError): Answer {
  const body = { error: code, error_description: message };
  // RFC 6749 section 5.2: a 401 names the scheme that would do.
  return status === 401
    ? { status, body, headers: { 'www-authenticate': `Basic realm="issuer", error="${code}"` } }
    : { status, body };
}

function oktaAnswer({ status, code, message, causes, headers }: OktaApiError): Answer {
  return { status, body: oktaError(code, message, causes), headers };
}

function registryAnswer({ code, message, member }: RegistryError): Answer {
  if (code === 'absent') return { status: 404, body: oktaError('E0000007', `Not found: ${message}`) };
  const cause = member === undefined ? message : `${member}: ${message}`;
  return {
    status: code === 'conflict' ? 409 : 400,
    body: oktaError('E0000001', 'Api validation failed: client', [cause]),
  };
}

/** Nobody knows whether the token is good, or what became of the request: never a 200. */
function unavailable(endpoint: EndpointName | undefined, why: string): Answer {
  const headers = { 'retry-after': '1' };
  if (endpoint === undefined) return { status: 503, body: oktaErrorOf(503), headers };
  const body = {
    error: 'temporarily_unavailable',
    error_description: why,
  };
  return { status: 503, body, headers };
}

function unknownServer({ serverId }: UnknownServerError): Answer {
  const shown = serverId.slice(0, 100);
  return {
    status: 404,
    body: oktaError('E0000007', `Not found: Resource not found: ${shown} (AuthorizationServer)`),
  };
}
