import type { ValidationMode } from '../token/principal.js';
import type { PolicyEngine } from './policy-engine.js';

/**
 * How a guarded request ended:
 * - `allow`, `deny`: the policy decided
 * - `undefined`: nothing is defined at the decision path
 * - `malformed`: the request could not be read (400)
 * - `unauthenticated`: no token, or none that passed (401)
 * - `authentication_unavailable`, `authorization_unavailable`: Okta or OPA gave no usable answer (503)
 */
export const decisionOutcomes = [
  'allow',
  'deny',
  'undefined',
  'malformed',
  'unauthenticated',
  'authentication_unavailable',
  'authorization_unavailable',
] as const;

export type DecisionOutcome = (typeof decisionOutcomes)[number];

/** Everything an operator needs to see why one request was let in or refused. One of these is one log line. */
export interface DecisionRecord {
  /** UUID, also in the body of a refusal. */
  readonly decisionId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly outcome: DecisionOutcome;
  /** Code of the refusal out of the catalogue; `ok` when allowed. */
  readonly code: string;
  /** The policy's reason, or the class of the failure; null when there is nothing to say. */
  readonly reason: string | null;
  readonly validation: ValidationMode;
  readonly engine: PolicyEngine['mode'];
  /** Revision of the policy bundle in force; null when not known. */
  readonly revision: string | null;
  readonly decisionPath: string;
  readonly method: string;
  /** Canonical path; null when the target had none. */
  readonly api: string | null;
  /** Template of the route: `/orders/:id`. */
  readonly route: string;
  /** First 16 characters of the token's hash; null before a token passed. */
  readonly tokenHash: string | null;
  readonly jti: string | null;
  readonly cid: string | null;
  readonly sub: string | null;
  /** Trace id of a W3C `traceparent` header; null without one. */
  readonly traceId: string | null;
  /** True when the token was known from before: no signature was checked, no introspection asked. */
  readonly tokenCached: boolean;
  /** True when this very question was answered before, and the policy has not changed since. */
  readonly decisionCached: boolean;
  /** Milliseconds spent on validating the token; null when it did not come to that. */
  readonly tokenMs: number | null;
  /** Milliseconds spent on the policy decision; null when it did not come to that. */
  readonly policyMs: number | null;
}

/** Receives one record for each guarded request. Must not throw; it runs on the request's way. */
export type DecisionSink = (record: DecisionRecord) => void;
