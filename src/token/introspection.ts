import type { Clock } from '../base/clock.js';
import { FailureCounts } from '../base/failure-counts.js';
import type { JsonObject } from '../base/json.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';
import type { UpstreamCall, UpstreamFailure } from '../base/upstream.js';
import {
  audienceObjection,
  claimNamesObjection,
  clientObjection,
  expiryObjection,
  issuedAtObjection,
  issuerObjection,
  notBeforeObjection,
  optionalTextObjection,
  scopeToken,
  textObjection,
} from './checks.js';
import type { Expectation } from './checks.js';
import type { Objection, TokenRefusal } from './refusals.js';
import { parseStrictObjectText } from './strict-json.js';

/** Claims of an introspection answer that must be there unless a setting says otherwise. */
export const introspectionClaims = ['iss', 'aud', 'exp'] as const;

export type IntrospectionClaim = (typeof introspectionClaims)[number];

export interface IntrospectionOptions {
  /** `{issuer}/v1/introspect`. */
  readonly url: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly call: UpstreamCall;
  /** Whole call, in milliseconds. */
  readonly timeoutMs: number;
  readonly expected: Expectation;
  /** Which of iss, aud and exp an answer must carry; those it carries are checked in any case. */
  readonly requiredClaims: ReadonlySet<IntrospectionClaim>;
  readonly clock: Clock;
}

const maxBodyBytes = 64 * 1024;

/** Validates tokens by asking the issuer (RFC 7662). */
export class Introspection {
  readonly failures = new FailureCounts('okta_introspection');
  readonly #options: IntrospectionOptions;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: IntrospectionOptions) {
    this.#options = options;
    this.#headers = {
      accept: 'application/json',
      authorization: basicCredentials(options.clientId, options.clientSecret),
      'content-type': 'application/x-www-form-urlencoded',
    };
  }

  /** The members of an active answer that passed every check. */
  async introspect(token: string): Promise<Outcome<JsonObject, TokenRefusal>> {
    const answer = await this.#ask(token);
    if (!answer.ok) return answer;
    // RFC 7662 section 2.2: the JSON boolean; the string "true" is no answer.
    if (answer.value.active !== true)
      return refuse('inactive', 'the issuer says that the token is not active');
    return this.#objection(answer.value) ?? answer;
  }

  /**
   * Whether the issuer accepts this service's credentials: a token that nobody issued must be answered as inactive.
   */
  async probe(): Promise<Outcome<null, 'unavailable'>> {
    const answer = await this.#ask('readiness-probe');
    return answer.ok ? accept(null) : answer;
  }

  async #ask(token: string): Promise<Outcome<JsonObject, 'unavailable'>> {
    const answer = await this.#options.call({
      method: 'POST',
      url: this.#options.url,
      headers: this.#headers,
      body: `token=${encodeURIComponent(token)}&token_type_hint=access_token`,
      timeoutMs: this.#options.timeoutMs,
      maxBytes: maxBodyBytes,
    });
    if (!answer.ok) return this.#unavailable(answer);
    const members = parseStrictObjectText(answer.value.text);
    if (members === undefined || typeof members.active !== 'boolean') {
      return this.#unavailable(refuse('misshapen', 'the answer is no introspection response'));
    }
    return accept(members);
  }

  #objection(answer: JsonObject): Objection {
    const { expected, requiredClaims, clock } = this.#options;
    const now = clock() / 1000;
    const carries = (name: string) => answer[name] !== undefined;
    const demands = (claim: IntrospectionClaim) => carries(claim) || requiredClaims.has(claim);
    return (
      (demands('iss') ? issuerObjection(answer.iss, expected) : undefined) ??
      (demands('aud') ? audienceObjection(answer.aud, expected.audience) : undefined) ??
      (demands('exp') ? expiryObjection(answer.exp, now) : undefined) ??
      (carries('iat') ? issuedAtObjection(answer.iat, now) : undefined) ??
      notBeforeObjection(answer.nbf, now) ??
      textObjection('sub', answer.sub) ??
      (carries('client_id') ? clientObjection('client_id', answer.client_id, expected) : undefined) ??
      optionalTextObjection('uid', answer.uid) ??
      optionalTextObjection('jti', answer.jti) ??
      scopeObjection(answer.scope) ??
      claimNamesObjection(answer)
    );
  }

  #unavailable(failure: Refused<UpstreamFailure>): Refused<'unavailable'> {
    this.failures.add(failure.code);
    const { retryAfterSeconds = 1 } = failure;
    return refuse('unavailable', `introspection: ${failure.reason}`, {
      retryAfterSeconds,
      cause: failure.cause,
    });
  }
}

/** RFC 6749 section 2.3.1: both parts form-encoded before they are joined. */
function basicCredentials(clientId: string, clientSecret: string): string {
  const credentials = [clientId, clientSecret].map(encodeURIComponent).join(':');
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** RFC 7662 section 2.2: space-separated scope tokens in one string. */
function scopeObjection(scope: JsonObject[string] | undefined): Objection {
  if (scope === undefined || scope === '') return undefined;
  const isScope = typeof scope === 'string' && scope.split(' ').every((token) => scopeToken.test(token));
  return isScope
    ? undefined
    : refuse('invalid_claim', 'scope is not a space-separated string of scope tokens');
}
