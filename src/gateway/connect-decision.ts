import { serializeConnectInput } from '../policy/policy-input.js';
import type { ConnectInputRequest } from '../policy/policy-input.js';
import type { PolicyEngine } from '../policy/policy-engine.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';
import type { Principal, VerifiedToken } from '../token/principal.js';

/** May this principal have this session, and under which role. */
export interface ConnectDecisions {
  decide(
    request: ConnectInputRequest,
    token: VerifiedToken,
  ): Promise<Outcome<ConnectDecision, 'invalid_claim' | 'wrong_user' | 'denied' | 'undecided'>>;
  /** Whether superusers may be logged in: only where a policy says who may be one. */
  readonly allowsSuperusers: boolean;
  /** Who decides, for the record; null without a policy. */
  inForce(): PolicyInForce;
}

interface ConnectDecision {
  /** The role to log in with. */
  readonly role: string;
  /** The policy's. */
  readonly reason?: string | undefined;
}

/** As in the decision records of the API. */
interface PolicyInForce {
  readonly engine: PolicyEngine['mode'] | null;
  readonly decisionPath: string | null;
  readonly revision: string | null;
}

/**
 * Without a policy: the claim is the role, to the letter and from the beginning; nobody is a superuser or has a reserved
 * name.
 *
 * @param claim a text, or a list of texts of which one is the role
 */
export function claimIsUser(claim: string): ConnectDecisions {
  return {
    decide: (request, { principal }) => Promise.resolve(decideByClaim(claim, request, principal)),
    allowsSuperusers: false,
    inForce: () => ({ engine: null, decisionPath: null, revision: null }),
  };
}

/** Names that PostgreSQL and CockroachDB keep for themselves: nobody is called that who was meant to log in. */
const reservedName = /^(?:pg_|crdb_internal_|public$|none$)/;

/** A superuser that begins as somebody else is none to the server until it takes its own role up again. */
const otherRoles: readonly string[] = ['role', 'session_authorization'];

function decideByClaim(
  claim: string,
  { user, options }: ConnectInputRequest,
  principal: Principal,
): Outcome<ConnectDecision, 'invalid_claim' | 'wrong_user' | 'denied'> {
  const names = namesIn(claim, principal);
  if (names === undefined) return refuse('invalid_claim', `there is no ${claim} in the token`);
  if (!names.includes(user)) return refuse('wrong_user', `${claim} is not the user asked for`);
  if (reservedName.test(user)) return refuse('denied', 'the role is reserved, which only a policy may open');
  const other = otherRoles.find((name) => Object.hasOwn(options, name));
  if (other === undefined) return accept({ role: user });
  return refuse('denied', `without a policy no session starts with another role: ${other}`);
}

/** One name is taken as it is: no character in it parts it from another. */
function namesIn(claim: string, { sub, cid, uid, claims }: Principal): readonly unknown[] | undefined {
  const own: Readonly<Record<string, string | null>> = { sub, cid, uid };
  const value = Object.hasOwn(own, claim) ? own[claim] : claims[claim];
  if (Array.isArray(value)) return value as readonly unknown[];
  return typeof value === 'string' ? [value] : undefined;
}

/** The policy decides; without a `role` in its answer the user asked for is the role. */
export function decideByPolicy(engine: PolicyEngine, decisionPath: string): ConnectDecisions {
  return {
    decide: async (request, token) => {
      const decision = await engine.decide(serializeConnectInput(request, token), decisionPath);
      if (!decision.ok) return refuse('undecided', `${decision.code}: ${decision.reason}`);
      const { allow, reason, role = request.user } = decision.value;
      return allow ? accept({ role, reason }) : refuse('denied', reason ?? 'the policy says no');
    },
    allowsSuperusers: true,
    inForce: () => ({ engine: engine.mode, decisionPath, revision: engine.revision() }),
  };
}
