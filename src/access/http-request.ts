import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { Principal } from '../token/principal.js';
import type { GuardedRequest } from './access-control.js';

const principalKey = Symbol('principal');

/** What this room needs of a Fastify or an Express request; the two agree on little more. */
export interface HttpRequest {
  readonly method: string;
  readonly originalUrl: string;
  readonly params: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers: IncomingHttpHeaders;
  /** Fastify: the Node request behind it. An Express request is one itself. */
  readonly raw?: IncomingMessage;
  readonly rawHeaders?: readonly string[];
  /** Fastify. */
  readonly routeOptions?: { readonly url?: string };
  /** Express. */
  readonly route?: { readonly path?: unknown };
  [principalKey]?: Principal;
}

/** Reads either adapter's request. */
export function guardedRequest(request: HttpRequest): GuardedRequest {
  return {
    method: request.method,
    target: request.raw?.url ?? request.originalUrl,
    rawHeaders: request.raw?.rawHeaders ?? request.rawHeaders ?? [],
    route: routeOf(request),
    params: request.params,
    hasTokenInBody: hasTokenInBody(request),
  };
}

/** A route that can't be named is spelled like no path, so that it is refused. */
function routeOf(request: HttpRequest): string {
  const route = request.routeOptions?.url ?? request.route?.path;
  return typeof route === 'string' ? route : '';
}

/** RFC 6750 section 2.2 speaks of forms; an `access_token` member in JSON is the application's own affair. */
function hasTokenInBody({ body, headers }: HttpRequest): boolean {
  if (typeof body !== 'object' || body === null || !('access_token' in body)) return false;
  return headers['content-type']?.toLowerCase().startsWith('application/x-www-form-urlencoded') === true;
}

export function rememberPrincipal(request: HttpRequest, principal: Principal): void {
  request[principalKey] = principal;
}

/**
 * The verified caller of this request, as a parameter of a handler.
 *
 * @throws Error on a route that is public: nobody was verified there
 * @example `hello(@CurrentPrincipal() principal: Principal) { return principal.sub; }`
 */
export const CurrentPrincipal = createParamDecorator((_: undefined, context: ExecutionContext): Principal => {
  const principal = context.switchToHttp().getRequest<HttpRequest>()[principalKey];
  if (principal === undefined)
    throw new Error('@CurrentPrincipal() needs a guarded route; this one is public');
  return principal;
});
