import { serializeConnectInput } from '../policy/policy-input.js';
import type { ConnectInputRequest } from '../policy/policy-input.js';
import type { PolicyEngine } from '../policy/policy-engine.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';
import type { VerifiedToken } from '../token/principal.js';

/** May this principal have this session, and under which role. */
export interface ConnectDecisions {
  decide(
    request: ConnectInputRequest,
    token: VerifiedToken,
  ): Promise<Outcome<ConnectDecision, 'wrong_user' | 'denied' | 'undecided'>>;
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

/** Without a policy: `sub` is the role, to the letter and from the beginning; nobody is a superuser or has a reserved name. */
export const subjectIsUser: ConnectDecisions = {
  decide: (request, { principal }) => Promise.resolve(decideBySubject(request, principal.sub)),
  allowsSuperusers: false,
  inForce: () => ({ engine: null, decisionPath: null, revision: null }),
};

/** Names that PostgreSQL and CockroachDB keep for themselves: nobody is called that who was meant to log in. */
const reservedName = /^(?:pg_|crdb_internal_|public$|none$)/;

/** A superuser that begins as somebody else is none to the server until it takes its own role up again. */
const otherRoles: readonly string[] = ['role', 'session_authorization'];

function decideBySubject(
  { user, options }: ConnectInputRequest,
  sub: string,
): Outcome<ConnectDecision, 'wrong_user' | 'denied'> {
  if (sub !== user) return refuse('wrong_user', 'sub is not the user asked for');
  if (reservedName.test(user)) return refuse('denied', 'the role is reserved, which only a policy may open');
  const other = otherRoles.find((name) => Object.hasOwn(options, name));
  if (other === undefined) return accept({ role: user });
  return refuse('denied', `without a policy no session starts with another role: ${other}`);
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
