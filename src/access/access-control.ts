import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { maybeThen } from '../base/maybe-then.js';
import type { Refused } from '../base/outcome.js';
import { traceIdOf } from '../base/trace-context.js';
import type { DecisionRecord, DecisionSink } from '../policy/decision-record.js';
import type { Decision, NoDecision, PolicyOutcome } from '../policy/decision.js';
import { HttpDecisions } from '../policy/http-decisions.js';
import type { PolicyEngine } from '../policy/policy-engine.js';
import { extractBearer } from '../token/bearer.js';
import type { BearerRefusal } from '../token/bearer.js';
import type { Principal, VerifiedToken } from '../token/principal.js';
import type { TokenOutcome, TokenRefusal } from '../token/refusals.js';
import type { TokenVerifier } from '../token/token-verifier.js';
import { invalidTarget, tokenDetail } from './refusals.js';
import type { AccessRefusal } from './refusals.js';
import { canonicalPath, isSpelledAs } from './request-target.js';

/** A request as far as access depends on it. */
export interface GuardedRequest {
  readonly method: string;
  /** The request target as received. */
  readonly target: string;
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[];
  /** Template of the route that the router chose: `/orders/:id`. */
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
  /** True when the body of a form carries an `access_token` (RFC 6750 section 2.2). */
  readonly hasTokenInBody: boolean;
}

export type Verdict =
  | { readonly granted: true; readonly principal: Principal }
  | { readonly granted: false; readonly refusal: AccessRefusal };

export interface AccessControlOptions {
  readonly verifier: TokenVerifier;
  readonly engine: PolicyEngine;
  /** The decision for routes that name no other. */
  readonly decisionPath: string;
  readonly onDecision: DecisionSink;
  readonly clock: Clock;
}

/** What is known of one request so far; becomes its decision record. */
interface Progress {
  readonly decisionId: string;
  readonly request: GuardedRequest;
  readonly decisionPath: string;
  readonly startedAt: number;
  api: string | null;
  token: VerifiedToken | null;
  tokenCached: boolean;
  decisionCached: boolean;
  tokenMs: number | null;
  policyMs: number | null;
}

/**
 * Decides about one request: target, token, policy, in this order; the first objection ends it. Where the token is
 * remembered and the policy engine is in this process, the verdict comes at once, without a promise.
 */
export class AccessControl {
  readonly #options: AccessControlOptions;
  readonly #decisions: HttpDecisions;

  constructor(options: AccessControlOptions) {
    this.#options = options;
    this.#decisions = new HttpDecisions(options.engine);
  }

  check(request: GuardedRequest, decisionPath = this.#options.decisionPath): Verdict | Promise<Verdict> {
    const progress = startProgress(request, decisionPath);
    progress.api = dispatchedPath(request);
    if (progress.api === null) return this.#refuse(progress, invalidTarget);
    const bearer = extractBearer(request.rawHeaders, request.target);
    if (!bearer.ok) return this.#refuse(progress, bearerRefusal(bearer));
    if (request.hasTokenInBody) return this.#refuse(progress, tokenInBody);
    const verified = this.#options.verifier.verify(bearer.value);
    progress.tokenCached = !(verified instanceof Promise);
    return maybeThen(verified, (outcome) => this.#afterToken(progress, bearer.value, outcome));
  }

  #afterToken(progress: Progress, tokenValue: string, outcome: TokenOutcome): Verdict | Promise<Verdict> {
    progress.tokenMs = performance.now() - progress.startedAt;
    if (!outcome.ok) return this.#refuse(progress, tokenRefusal(outcome));
    progress.token = outcome.value;
    const { method, route, params } = progress.request;
    const request = { method, api: progress.api ?? '', route, params, tokenValue };
    const { decisionPath, tokenCached: isKnownToken } = progress;
    const question = { request, token: outcome.value, decisionPath, isKnownToken };
    const askedAt = performance.now();
    const remembered = this.#decisions.recall(question);
    progress.decisionCached = remembered !== undefined;
    const { principal } = outcome.value;
    return maybeThen(remembered ?? this.#decisions.ask(question), (decision) => {
      progress.policyMs = performance.now() - askedAt;
      return this.#afterPolicy(progress, principal, decision);
    });
  }

  #afterPolicy(progress: Progress, principal: Principal, outcome: PolicyOutcome): Verdict {
    if (!outcome.ok) return this.#refuse(progress, noDecision(outcome, progress.decisionId));
    const decision = outcome.value;
    if (!decision.allow) return this.#refuse(progress, denial(decision, progress.decisionId));
    this.#record(progress, 'allow', 'ok', decision.reason ?? null);
    return { granted: true, principal };
  }

  #refuse(progress: Progress, refusal: AccessRefusal): Verdict {
    this.#record(progress, refusal.outcome, refusal.cause, refusal.reason);
    return { granted: false, refusal };
  }

  #record(progress: Progress, outcome: DecisionRecord['outcome'], code: string, reason: string | null): void {
    const { request, token } = progress;
    const { verifier, engine, clock, onDecision } = this.#options;
    onDecision({
      decisionId: progress.decisionId,
      at: clock(),
      outcome,
      code,
      reason,
      validation: verifier.mode,
      engine: engine.mode,
      revision: engine.revision(),
      decisionPath: progress.decisionPath,
      method: request.method,
      api: progress.api,
      route: request.route,
      tokenHash: token === null ? null : token.tokenHash.slice(0, 16),
      jti: token?.jti ?? null,
      cid: token?.principal.cid ?? null,
      sub: token?.principal.sub ?? null,
      traceId: traceIdOf(request.rawHeaders),
      tokenCached: token !== null && progress.tokenCached,
      decisionCached: progress.decisionCached,
      tokenMs: progress.tokenMs,
      policyMs: progress.policyMs,
    });
  }
}

function startProgress(request: GuardedRequest, decisionPath: string): Progress {
  return {
    decisionId: randomUUID(),
    request,
    decisionPath,
    startedAt: performance.now(),
    api: null,
    token: null,
    tokenCached: false,
    decisionCached: false,
    tokenMs: null,
    policyMs: null,
  };
}

/** The canonical path that the router dispatched; null when the target is another spelling of it. */
export function dispatchedPath({ target, route }: Pick<GuardedRequest, 'target' | 'route'>): string | null {
  const path = canonicalPath(target);
  return path !== undefined && isSpelledAs(path, route) ? path : null;
}

const tokenInBody: AccessRefusal = {
  code: 'invalid_request',
  detail: 'Send the access token once, in the Authorization header.',
  outcome: 'malformed',
  cause: 'ambiguous',
  reason: 'a token in the form body',
};

function bearerRefusal({ code, reason }: Refused<BearerRefusal>): AccessRefusal {
  switch (code) {
    case 'missing':
      return {
        code: 'credentials_required',
        detail: 'Send an access token: Authorization: Bearer <token>.',
        outcome: 'unauthenticated',
        cause: 'missing',
        reason,
      };
    case 'ambiguous':
      return { ...tokenInBody, reason };
    case 'malformed':
      return {
        code: 'invalid_token',
        detail: tokenDetail('malformed'),
        outcome: 'unauthenticated',
        cause: 'malformed',
        reason,
      };
  }
}

function tokenRefusal({ code, reason, retryAfterSeconds = 1 }: Refused<TokenRefusal>): AccessRefusal {
  if (code !== 'unavailable') {
    return {
      code: 'invalid_token',
      detail: tokenDetail(code),
      outcome: 'unauthenticated',
      cause: code,
      reason,
    };
  }
  return {
    code: 'authentication_unavailable',
    detail: tokenDetail(code),
    outcome: 'authentication_unavailable',
    cause: code,
    reason,
    retryAfterSeconds,
  };
}

function denial(decision: Decision, decisionId: string): AccessRefusal {
  const { reason = null, scope } = decision;
  const common = { outcome: 'deny', cause: 'denied', reason, decisionId } as const;
  if (scope === undefined) {
    return { code: 'access_denied', detail: 'The policy does not allow this request.', ...common };
  }
  return { code: 'insufficient_scope', detail: 'The access token lacks a scope.', ...common, scope };
}

function noDecision(
  { code, reason, retryAfterSeconds = 1 }: Refused<NoDecision>,
  decisionId: string,
): AccessRefusal {
  if (code === 'undefined') {
    return {
      code: 'access_denied',
      detail: 'The policy does not allow this request.',
      outcome: 'undefined',
      cause: 'undefined',
      reason,
      decisionId,
    };
  }
  return {
    code: 'authorization_unavailable',
    detail: 'The request could not be decided; try again later.',
    outcome: 'authorization_unavailable',
    cause: code,
    reason,
    retryAfterSeconds,
    decisionId,
  };
}
