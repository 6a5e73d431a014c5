import type { Clock } from '../base/clock.js';
import type { DecisionSink } from '../policy/decision-record.js';
import type { IntrospectionClaim } from '../token/introspection.js';

/** Which authorization server is trusted, and for whom. */
interface OktaCommonOptions {
  /** The exact `iss` of accepted tokens, such as `https://dev-1.okta.com/oauth2/default`; no slash at the end. */
  readonly issuer: string;
  /** The `aud` that tokens must carry, such as `api://default`. */
  readonly audience: string;
  /** The `cid`s that may call; `any` lets all of the issuer's clients in. */
  readonly clientIds: readonly string[] | 'any';
  /** Another place for the key set; `{issuer}/v1/keys` by default. */
  readonly jwksUrl?: string;
  /** Whole call to Okta, in milliseconds; 2000 by default. */
  readonly timeoutMs?: number;
  /** Verified tokens that are remembered at most; 10,000 by default, about 2 KB each. */
  readonly tokenCacheEntries?: number;
}

interface OktaLocalOptions extends OktaCommonOptions {
  /** `local`: signature and claims against the key set. Revocation is not seen before `exp`. */
  readonly validation: 'local';
}

export interface OktaIntrospectionOptions extends OktaCommonOptions {
  /** `remote`: `/introspect` for every request; `both`: local first, then `/introspect`. */
  readonly validation: 'remote' | 'both';
  /** This service's own client, which may introspect. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** For how long an active answer may be reused, in seconds; 0 (never) by default. */
  readonly introspectionCacheSeconds?: number;
  /** Which of iss, aud and exp an answer may lack; none by default. */
  readonly introspectionOptionalClaims?: readonly IntrospectionClaim[];
}

export type OktaOptions = OktaLocalOptions | OktaIntrospectionOptions;

export type OpaOptions =
  | {
      readonly mode: 'sidecar';
      /** `http(s)://host:port/v1/data/path` or `unix:///path.sock:/v1/data/path`. */
      readonly url: string;
      /** Whole call, in milliseconds; 500 by default. */
      readonly timeoutMs?: number;
    }
  | {
      readonly mode: 'embedded';
      /** Path of the bundle (tar.gz) with `policy.wasm`. */
      readonly bundle: string;
      /** Only the path of this URL counts: it names the decision. */
      readonly url: string;
    };

/** What AccessModule.forRoot takes. */
export interface AccessOptions {
  readonly okta: OktaOptions;
  readonly opa: OpaOptions;
  /** `realm` of WWW-Authenticate; `api` by default. */
  readonly realm?: string;
  /** Receives one record for each guarded request; must not throw. */
  readonly onDecision?: DecisionSink;
  /** Receives what an operator should see: dropped keys, failed refreshes, bundles that were not taken. */
  readonly onWarning?: (message: string) => void;
  /** For tests. The signature library reads the system clock for `exp` and `nbf` all the same. */
  readonly clock?: Clock;
}

export const ACCESS_OPTIONS = Symbol('nest-okta-opa:access-options');
