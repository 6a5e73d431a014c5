import { hash } from 'node:crypto';
import { BoundedCache } from '../base/bounded-cache.js';
import type { Clock } from '../base/clock.js';
import type { JsonObject } from '../base/json.js';
import { accept, refuse } from '../base/outcome.js';
import type { Introspection } from './introspection.js';
import type { RemoteKeySet } from './key-set.js';
import type { OktaLocalVerifier } from './okta-local-verifier.js';
import { principalOfIntrospection, principalOfToken } from './principal.js';
import type { Principal, ValidationMode, VerifiedToken } from './principal.js';
import type { TokenOutcome } from './refusals.js';

/** The parts that each mode needs; a mode without its parts can't be written down. */
export type ValidationParts =
  | { readonly mode: 'local'; readonly local: OktaLocalVerifier; readonly keySet: RemoteKeySet }
  | { readonly mode: 'remote'; readonly introspection: Introspection }
  | {
      readonly mode: 'both';
      readonly local: OktaLocalVerifier;
      readonly keySet: RemoteKeySet;
      readonly introspection: Introspection;
    };

export interface TokenVerifierOptions {
  readonly clock: Clock;
  /** Verified tokens that are remembered at most, for local validation. */
  readonly cacheEntries: number;
  /** For how long an active introspection answer may be reused, in seconds; 0 asks for every request. */
  readonly introspectionCacheSeconds: number;
}

/** For how long a locally verified token is remembered at most; never past its `exp`. */
export const verifiedTokenCacheMs = 300_000;

/** Answers who sent a token, in the mode that the settings name. Never throws. */
export class TokenVerifier {
  readonly mode: ValidationMode;
  readonly #parts: ValidationParts;
  readonly #options: TokenVerifierOptions;
  /** Tokens whose signature and claims were checked by this process. */
  readonly verifiedTokens: BoundedCache<VerifiedToken>;
  /** Tokens that the issuer called active. */
  readonly activeTokens: BoundedCache<VerifiedToken>;
  readonly #introspecting = new Map<string, Promise<TokenOutcome>>();
  #keySetVersion = 0;

  constructor(parts: ValidationParts, options: TokenVerifierOptions) {
    this.mode = parts.mode;
    this.#parts = parts;
    this.#options = options;
    this.verifiedTokens = new BoundedCache(options.cacheEntries, options.clock);
    this.activeTokens = new BoundedCache(options.cacheEntries, options.clock);
    if (parts.mode === 'remote') return;
    // A key that left the key set takes every token with it that it ever signed.
    parts.keySet.onChange(() => {
      this.#keySetVersion++;
      this.verifiedTokens.clear();
      this.activeTokens.clear();
    });
  }

  /** At once when the token is remembered, otherwise by a promise. */
  verify(token: string): TokenOutcome | Promise<TokenOutcome> {
    const tokenHash = hash('sha256', token, 'base64url');
    if (this.#parts.mode === 'local') return this.#locally(this.#parts.local, token, tokenHash);
    if (this.#options.introspectionCacheSeconds > 0) {
      const remembered = this.activeTokens.get(tokenHash);
      if (remembered !== undefined) return accept(remembered);
    }
    return this.#introspectOnce(token, tokenHash);
  }

  #locally(local: OktaLocalVerifier, token: string, tokenHash: string): TokenOutcome | Promise<TokenOutcome> {
    const remembered = this.verifiedTokens.get(tokenHash);
    return remembered === undefined ? this.#verifyLocally(local, token, tokenHash) : accept(remembered);
  }

  async #verifyLocally(local: OktaLocalVerifier, token: string, tokenHash: string): Promise<TokenOutcome> {
    const version = this.#keySetVersion;
    const verified = await local.verify(token);
    if (!verified.ok) return verified;
    const claims = verified.value;
    const result = toVerifiedToken(tokenHash, claims, principalOfToken(claims, this.mode));
    if (version === this.#keySetVersion) this.#remember(this.verifiedTokens, result, verifiedTokenCacheMs);
    return accept(result);
  }

  /** However many requests carry one token, the issuer is asked once at a time. */
  #introspectOnce(token: string, tokenHash: string): Promise<TokenOutcome> {
    const underWay = this.#introspecting.get(tokenHash);
    if (underWay !== undefined) return underWay;
    const asking = this.#introspect(token, tokenHash).finally(() => this.#introspecting.delete(tokenHash));
    this.#introspecting.set(tokenHash, asking);
    return asking;
  }

  async #introspect(token: string, tokenHash: string): Promise<TokenOutcome> {
    const version = this.#keySetVersion;
    const outcome = await this.#askIssuer(token, tokenHash);
    const cacheMs = this.#options.introspectionCacheSeconds * 1000;
    if (outcome.ok && cacheMs > 0 && version === this.#keySetVersion) {
      this.#remember(this.activeTokens, outcome.value, cacheMs);
    }
    return outcome;
  }

  async #askIssuer(token: string, tokenHash: string): Promise<TokenOutcome> {
    const parts = this.#parts;
    if (parts.mode === 'local') throw new Error('local mode has no introspection');
    if (parts.mode === 'both') {
      const local = await this.#locally(parts.local, token, tokenHash);
      if (!local.ok) return local;
      const answer = await parts.introspection.introspect(token);
      if (!answer.ok) return answer;
      return isSameToken(local.value, answer.value)
        ? local
        : refuse('inactive', 'the issuer speaks of another token');
    }
    const answer = await parts.introspection.introspect(token);
    if (!answer.ok) return answer;
    return accept(
      toVerifiedToken(tokenHash, answer.value, principalOfIntrospection(answer.value, this.mode)),
    );
  }

  #remember(cache: BoundedCache<VerifiedToken>, token: VerifiedToken, forMs: number): void {
    cache.set(token.tokenHash, token, Math.min(this.#options.clock() + forMs, token.expiresAt * 1000));
  }
}

/** Of what both sides say, nothing may differ: an answer meant for another token proves nothing about this one. */
function isSameToken({ principal, jti, expiresAt }: VerifiedToken, answer: JsonObject): boolean {
  const pairs = [
    [answer.sub, principal.sub],
    [answer.client_id, principal.cid],
    [answer.uid, principal.uid],
    [answer.jti, jti],
    [answer.exp, expiresAt],
  ];
  return pairs.every(([theirs, ours]) => theirs === undefined || theirs === ours);
}

function toVerifiedToken(tokenHash: string, claims: JsonObject, principal: Principal): VerifiedToken {
  return deepFreeze({
    principal,
    tokenHash,
    jti: (claims.jti as string | undefined) ?? null,
    // An answer without exp (where the settings allow it) expires with its introspection.
    expiresAt: (claims.exp as number | undefined) ?? Number.MAX_SAFE_INTEGER,
  });
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null && !Object.isFrozen(member))
      deepFreeze(member as object);
  }
  return Object.freeze(value);
}
