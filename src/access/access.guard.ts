import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { maybeThen } from '../base/maybe-then.js';
import { AccessControl, dispatchedPath } from './access-control.js';
import type { GuardedRequest, Verdict } from './access-control.js';
import { AccessRefused } from './access-refused.js';
import { guardedRequest, rememberPrincipal } from './http-request.js';
import type { HttpRequest } from './http-request.js';
import { invalidTarget, unsupportedTransport } from './refusals.js';
import { RouteAccessReader } from './route-access.js';

/** Stands before every controller: a route is guarded unless `@Public()` says otherwise. */
@Injectable()
export class AccessGuard implements CanActivate {
  readonly #control: AccessControl;
  readonly #routes: RouteAccessReader;

  constructor(@Inject(AccessControl) control: AccessControl, @Inject(Reflector) reflector: Reflector) {
    this.#control = control;
    this.#routes = new RouteAccessReader(reflector);
  }

  /** @throws AccessRefused when the request may not go on */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType() !== 'http') throw new AccessRefused(unsupportedTransport);
    const route = this.#routes.read(context.getHandler(), context.getClass());
    const request = context.switchToHttp().getRequest<HttpRequest>();
    const guarded = guardedRequest(request);
    if (route.isPublic) return admitPublic(guarded);
    return maybeThen(this.#control.check(guarded, route.decisionPath), (verdict) => settle(request, verdict));
  }
}

function settle(request: HttpRequest, verdict: Verdict): true {
  if (!verdict.granted) throw new AccessRefused(verdict.refusal);
  rememberPrincipal(request, verdict.principal);
  return true;
}

/** Nobody's token is asked for, but the path is still the one that the route is known by. */
function admitPublic(request: GuardedRequest): true {
  if (dispatchedPath(request) === null) throw new AccessRefused(invalidTarget);
  return true;
}
