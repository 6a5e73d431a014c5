import type { DecisionOutcome } from '../policy/decision-record.js';
import type { TokenRefusal } from '../token/refusals.js';

/** How one kind of refusal looks over HTTP. */
interface RefusalForm {
  readonly status: 400 | 401 | 403 | 503;
  readonly title: string;
  /** `error` of WWW-Authenticate (RFC 6750 section 3.1); null: a challenge without one; absent: no challenge. */
  readonly challenge?: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | null;
}

/** Every `code` that a refused request can carry. docs/errors.md lists the same ones. */
export const refusalForms = {
  credentials_required: { status: 401, title: 'Credentials required', challenge: null },
  invalid_request: { status: 400, title: 'Invalid request', challenge: 'invalid_request' },
  invalid_target: { status: 400, title: 'Invalid request target' },
  invalid_token: { status: 401, title: 'Invalid access token', challenge: 'invalid_token' },
  access_denied: { status: 403, title: 'Access denied' },
  insufficient_scope: { status: 403, title: 'Insufficient scope', challenge: 'insufficient_scope' },
  unsupported_transport: { status: 403, title: 'Unsupported transport' },
  authentication_unavailable: { status: 503, title: 'Authentication unavailable' },
  authorization_unavailable: { status: 503, title: 'Authorization unavailable' },
} as const satisfies Record<string, RefusalForm>;

export type RefusalCode = keyof typeof refusalForms;

/** A refused request: what the client is told, and what only the log is told. */
export interface AccessRefusal {
  readonly code: RefusalCode;
  /** One sentence for the client; no more than the class of the failure. */
  readonly detail: string;
  readonly outcome: DecisionOutcome;
  /** The finer code for the log, such as `expired` where the client reads `invalid_token`. */
  readonly cause: string;
  /** For the log. */
  readonly reason: string | null;
  /** The scope that would have opened the route, for WWW-Authenticate. */
  readonly scope?: string;
  readonly retryAfterSeconds?: number;
  readonly decisionId?: string;
}

/** RFC 9457 document; `decisionId` where OPA was asked. */
export function problemDocument(refusal: AccessRefusal): Record<string, string | number> {
  const { status, title } = refusalForms[refusal.code];
  return {
    type: `urn:nest-okta-opa:problem:${refusal.code}`,
    title,
    status,
    detail: refusal.detail,
    code: refusal.code,
    ...(refusal.decisionId === undefined ? {} : { decisionId: refusal.decisionId }),
  };
}

/** The WWW-Authenticate value (RFC 6750 section 3), or undefined when the refusal is no challenge. */
export function challengeOf(refusal: AccessRefusal, realm: string): string | undefined {
  const form: RefusalForm = refusalForms[refusal.code];
  if (form.challenge === undefined) return undefined;
  const parameters = [`realm="${realm}"`];
  if (form.challenge !== null) {
    parameters.push(`error="${form.challenge}"`, `error_description="${refusal.detail}"`);
  }
  if (refusal.scope !== undefined) parameters.push(`scope="${refusal.scope}"`);
  return `Bearer ${parameters.join(', ')}`;
}

/** What a client may know about a token that was not accepted: the class of the failure. */
export function tokenDetail(refusal: TokenRefusal): string {
  switch (refusal) {
    case 'expired':
      return 'The access token has expired.';
    case 'inactive':
      return 'The access token is not active.';
    case 'wrong_issuer':
    case 'wrong_audience':
    case 'wrong_client':
      return 'The access token was not issued for this service.';
    case 'malformed':
    case 'unsupported':
    case 'invalid_claim':
    case 'not_yet_valid':
    case 'unknown_key':
    case 'bad_signature':
      return 'The access token is not valid.';
    case 'unavailable':
      return 'The access token could not be checked; try again later.';
  }
}

export const invalidTarget: AccessRefusal = {
  code: 'invalid_target',
  detail: 'The request target is not in canonical form.',
  outcome: 'malformed',
  cause: 'invalid_target',
  reason: 'the request target is not in canonical form',
};

/** RPC, WebSocket and GraphQL handlers have no HTTP request to decide about, so nobody gets to them. */
export const unsupportedTransport: AccessRefusal = {
  code: 'unsupported_transport',
  detail: 'Only HTTP requests can be authorized here.',
  outcome: 'malformed',
  cause: 'unsupported_transport',
  reason: 'the execution context is not HTTP',
};
