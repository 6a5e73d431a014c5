import { isJsonObject } from '../base/json.js';
import type { JsonObject } from '../base/json.js';
import { accept, refuse } from '../base/outcome.js';
import type { Decision, PolicyOutcome } from './decision.js';

const allowed: PolicyOutcome = Object.freeze(accept(Object.freeze({ allow: true })));
const denied: PolicyOutcome = Object.freeze(accept(Object.freeze({ allow: false })));

/** Printable text without control, format or line-breaking characters, at most 300 UTF-16 units. */
const safeText = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,300}$/u;

/** RFC 6750 section 3: scope tokens, one space between them. It goes into a response header. */
const scopeTokens = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
const maxScopeLength = 256;
/** PostgreSQL's NAMEDATALEN, less one. */
const maxRoleBytes = 63;

/**
 * Reads what a policy answered: `true`, `false`, or an object with boolean `allow` and optional `reason`, `scope`
 * and `role`.
 * Empty strings count as absent, but not as the role of a permission: that is a mapping which found nothing, and the
 * user who was asked for must not take its place. Members with other names are ignored.
 *
 * @param result the value at the decision path; undefined when nothing is defined there
 * @returns the decision; `undefined` or `misshapen` otherwise, with the offending member named in the reason
 */
export function toDecision(result: unknown): PolicyOutcome {
  if (result === true) return allowed;
  if (result === false) return denied;
  if (result === undefined) return refuse('undefined', 'nothing is defined at the decision path');
  if (!isJsonObject(result)) return refuse('misshapen', 'the decision is neither a boolean nor an object');
  const { allow } = result;
  if (typeof allow !== 'boolean') return refuse('misshapen', 'allow is missing or no boolean');
  return withDetails(allow, result);
}

function withDetails(allow: boolean, { reason, scope, role }: JsonObject): PolicyOutcome {
  if (!isAbsent(reason) && !(typeof reason === 'string' && safeText.test(reason))) {
    return refuse('misshapen', 'reason is no printable text of at most 300 characters');
  }
  if (!isAbsent(scope) && !isScope(scope)) {
    return refuse('misshapen', 'scope is no list of scope tokens, space-separated, at most 256 characters');
  }
  if (!(isAbsent(role) || isRole(role)) || (allow && role === '')) {
    return refuse('misshapen', 'role is no name of a database role: printable text of at most 63 bytes');
  }
  const decision: Decision = {
    allow,
    ...(isAbsent(reason) ? {} : { reason }),
    ...(isAbsent(scope) ? {} : { scope }),
    ...(isAbsent(role) ? {} : { role }),
  };
  return accept(decision);
}

function isAbsent(value: unknown): value is undefined | '' {
  return value === undefined || value === '';
}

function isScope(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxScopeLength && scopeTokens.test(value);
}

function isRole(value: unknown): value is string {
  return typeof value === 'string' && Buffer.byteLength(value) <= maxRoleBytes && safeText.test(value);
}
