import { SetMetadata } from '@nestjs/common';
import type { CustomDecorator, ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';

const publicKey = 'nest-okta-opa:public';
const policyKey = 'nest-okta-opa:policy';

/**
 * Lets a route, or every route of a controller, be reached without a token and without a decision. A handler with
 * `@Policy` in such a controller stays guarded.
 */
export const Public = (): CustomDecorator => SetMetadata(publicKey, true);

/**
 * Asks another decision than the one that the settings name, for a route or every route of a controller.
 *
 * @param decisionPath path below `data`, with slashes: `orders/authz/allow`
 * @throws TypeError when it is no such path: a typing mistake must not end up as a decision that is never defined
 */
export const Policy = (decisionPath: string): CustomDecorator => {
  if (!/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/.test(decisionPath)) {
    throw new TypeError(
      `@Policy expects a path below data such as 'orders/authz/allow', not '${decisionPath}'`,
    );
  }
  return SetMetadata(policyKey, decisionPath);
};

type Handler = ReturnType<ExecutionContext['getHandler']>;
type Controller = ReturnType<ExecutionContext['getClass']>;

interface Access {
  readonly isPublic: boolean;
  /** Undefined: the one of the settings. */
  readonly decisionPath: string | undefined;
}

/** What the decorators on one handler and its controller say. */
export interface RouteAccess extends Access {
  readonly controller: Controller;
}

const undecorated: Access = { isPublic: false, decisionPath: undefined };

/** Reads decorators once for each handler: reflection on every request would cost more than the decision itself. */
export class RouteAccessReader {
  readonly #reflector: Reflector;
  readonly #known = new WeakMap<Handler, RouteAccess>();

  constructor(reflector: Reflector) {
    this.#reflector = reflector;
  }

  read(handler: Handler, controller: Controller): RouteAccess {
    const known = this.#known.get(handler);
    // A handler inherited by several controllers is one function; the decorators of its class may differ.
    if (known?.controller === controller) return known;
    const said = this.#decorators(handler) ?? this.#decorators(controller) ?? undecorated;
    const access: RouteAccess = { controller, ...said };
    this.#known.set(handler, access);
    return access;
  }

  /** The nearer target counts, and on one target `@Policy` before `@Public`: a contradiction does not open a route. */
  #decorators(target: Handler | Controller): Access | undefined {
    const decisionPath = this.#reflector.get<string | undefined>(policyKey, target);
    if (decisionPath !== undefined) return { isPublic: false, decisionPath };
    const isPublic = this.#reflector.get<boolean | undefined>(publicKey, target) === true;
    return isPublic ? { isPublic, decisionPath } : undefined;
  }
}
