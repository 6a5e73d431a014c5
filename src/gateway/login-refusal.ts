import type { TokenRefusal } from '../token/refusals.js';
import type { ErrorFields } from './wire/backend-messages.js';

/** Why a client was not let in. Metrics count by it, so there are only these. */
export type LoginOutcome =
  | 'accepted'
  | 'too_many' // of one address were not logged in yet
  | 'plaintext' // TLS is required; no token was asked for
  | 'malformed' // bytes that break the protocol
  | 'unauthenticated' // no token, or none that passed
  | 'authentication_unavailable' // the key set could not be fetched
  | 'denied' // by the policy, or the user is not the subject
  | 'authorization_unavailable' // the policy gave no usable answer
  | 'upstream_unavailable'
  | 'upstream_refused' // the server ended the login in words of its own
  | 'timeout'
  | 'shutdown' // the gateway stops
  | 'gone';

/** A login that ends here: what the client is told, and what the log is. */
export class LoginRefused extends Error {
  override readonly name = 'LoginRefused';
  readonly outcome: LoginOutcome;
  /** The bytes for the client; undefined when it is told nothing. */
  readonly answer: ErrorFields | Buffer | undefined;

  /** @param reason one sentence for the log */
  constructor(outcome: LoginOutcome, reason: string, answer: ErrorFields | Buffer | undefined) {
    super(reason);
    this.outcome = outcome;
    this.answer = answer;
  }
}

/** What is the matter with a login, whatever words the client is to get. */
export type Objection = TokenRefusal | 'wrong_user' | 'denied' | 'undecided';

/** CockroachDB's words behind `JWT authentication: `; what is not here is `invalid token`. */
const cockroachTexts: Partial<Record<Objection, string>> = {
  wrong_audience: 'invalid audience',
  wrong_user: 'invalid principal',
  denied: 'invalid identity',
  undecided: 'invalid identity',
  invalid_claim: 'missing claim',
  unavailable: 'unable to validate token',
};

/** PostgreSQL's words for all that a login by one method may fail for, but for the user (its auth_failed). */
export interface FailureWords {
  readonly sqlState: string;
  readonly text: string;
}

interface RefusedLogin {
  readonly user: string;
  readonly wantsCockroachErrors: boolean;
  readonly failure: FailureWords;
}

/**
 * The refusal of a token or of its owner, in CockroachDB's words where the client asked for its JWT authentication, and
 * else in PostgreSQL's, which has one text for all causes.
 */
export function refusalOf(
  objection: Objection,
  reason: string,
  { user, wantsCockroachErrors, failure }: RefusedLogin,
): LoginRefused {
  return new LoginRefused(outcomeOf(objection), reason, {
    ...(wantsCockroachErrors
      ? { severity: 'ERROR', sqlState: '28000', message: cockroachMessage(objection) }
      : {
          severity: 'FATAL',
          sqlState: failure.sqlState,
          message: `${failure.text} for user "${user}"`,
        }),
  });
}

function cockroachMessage(objection: Objection): string {
  return `JWT authentication: ${cockroachTexts[objection] ?? 'invalid token'}`;
}

function outcomeOf(objection: Objection): LoginOutcome {
  if (objection === 'unavailable') return 'authentication_unavailable';
  if (objection === 'wrong_user' || objection === 'denied') return 'denied';
  return objection === 'undecided' ? 'authorization_unavailable' : 'unauthenticated';
}
