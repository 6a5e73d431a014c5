import type { VerifiedToken } from '../token/principal.js';

/** What is known of a login, for its record and for that of its session: more of it the further the login came. */
export interface LoginFacts {
  /** UUID of the login; its session has the same. */
  readonly decisionId: string;
  readonly isEncrypted: boolean;
  readonly user?: string;
  readonly database?: string;
  readonly token?: VerifiedToken;
  readonly role?: string;
  /** Why the policy let it in. */
  readonly reason?: string | undefined;
  /** Milliseconds that the token took, and the decision. */
  readonly tokenMs?: number;
  readonly policyMs?: number;
}

/** Who it is and where it went, without the token: for the lines of the log. */
export function identityOf({ decisionId, user, database, role, token }: LoginFacts): object {
  return { decisionId, user, database, role, ...(token === undefined ? {} : subjectOf(token)) };
}

function subjectOf({ principal, tokenHash, jti }: VerifiedToken): object {
  return { sub: principal.sub, cid: principal.cid, jti, tokenHash: tokenHash.slice(0, 16) };
}
