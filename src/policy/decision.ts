import type { Outcome } from '../base/outcome.js';

/** What a policy answered: a boolean, or an object with boolean `allow` and optional `reason`, `scope` and `role`. */
export interface Decision {
  readonly allow: boolean;
  /** Why, in the policy's words. */
  readonly reason?: string;
  /** The scope that would have opened the route (RFC 6750 section 3: `scope` of `insufficient_scope`). */
  readonly scope?: string;
  /** The database role to log in with in place of the one that was asked for. */
  readonly role?: string;
}

/**
 * Why there is no decision. None of them is a deny, all of them close the door:
 * - `undefined`: the engine works, but nothing is defined at the decision path
 * - `unavailable`: the engine did not answer (down, slow, 5xx, redirecting, trap in the WASM instance)
 * - `misshapen`: it answered something that is no decision
 */
export type NoDecision = 'undefined' | 'unavailable' | 'misshapen';

export type PolicyOutcome = Outcome<Decision, NoDecision>;
