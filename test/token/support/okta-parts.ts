import { onTestFinished } from 'vitest';
import { createUndiciUpstream } from '../../../src/base/undici-upstream.js';
import type { Expectation } from '../../../src/token/checks.js';
import { Introspection, introspectionClaims } from '../../../src/token/introspection.js';
import type { IntrospectionClaim } from '../../../src/token/introspection.js';
import { RemoteKeySet } from '../../../src/token/key-set.js';
import { readSigningKeys } from '../../../src/token/signing-keys.js';
import { OktaLocalVerifier } from '../../../src/token/okta-local-verifier.js';
import type { ValidationMode } from '../../../src/token/principal.js';
import { TokenVerifier } from '../../../src/token/token-verifier.js';
import type { TokenVerifierOptions, ValidationParts } from '../../../src/token/token-verifier.js';
import { startOktaStandIn, testClientSecret } from '../../support/okta-stand-in.js';
import type { OktaStandIn } from '../../support/okta-stand-in.js';
import { frozenClock, testAudience, testClientId, testIssuer } from '../../support/tokens.js';
import type { FrozenClock } from '../../support/tokens.js';

export interface OktaPartsOptions {
  /** What the stand-in publishes at first. */
  readonly keySet: unknown;
  /** Milliseconds; the frozen present. */
  readonly now?: number;
  readonly expected?: Partial<Expectation>;
  readonly optionalClaims?: readonly IntrospectionClaim[];
  readonly timeoutMs?: number;
}

/** The real parts of token validation, over real sockets to Okta's stand-in. */
export interface OktaParts {
  readonly okta: OktaStandIn;
  readonly clock: FrozenClock;
  readonly expected: Expectation;
  readonly keySet: RemoteKeySet;
  readonly local: OktaLocalVerifier;
  readonly introspection: Introspection;
  readonly verifier: (mode: ValidationMode, options?: Partial<TokenVerifierOptions>) => TokenVerifier;
  close(): Promise<void>;
}

/** The tokens' `iss` is `testIssuer`, wherever the stand-in listens: it plays the mirror of OKTA_JWKS_URL. */
export async function startOktaParts(options: OktaPartsOptions): Promise<OktaParts> {
  const okta = await startOktaStandIn({ keySet: options.keySet });
  const clock = frozenClock(options.now);
  const timeoutMs = options.timeoutMs ?? 5_000;
  const upstream = createUndiciUpstream(okta.origin, { connections: 8, connectTimeoutMs: timeoutMs });
  const shared = { call: upstream.call, timeoutMs, clock: clock.now };
  const expected: Expectation = {
    issuer: testIssuer,
    audience: testAudience,
    clients: new Set([testClientId]),
    ...options.expected,
  };
  const keySet = new RemoteKeySet({
    read: readSigningKeys,
    ...shared,
    url: okta.keysUrl,
    onWarning: () => undefined,
  });
  const local = new OktaLocalVerifier(expected, keySet, clock.now);
  const introspection = new Introspection({
    ...shared,
    url: okta.introspectUrl,
    clientId: testClientId,
    clientSecret: testClientSecret,
    expected,
    requiredClaims: new Set(introspectionClaims.filter((claim) => !options.optionalClaims?.includes(claim))),
  });
  const parts = { keySet, local, introspection };
  return {
    ...parts,
    okta,
    clock,
    expected,
    verifier: (mode, changes = {}) =>
      new TokenVerifier(partsOf(mode, parts), {
        clock: clock.now,
        cacheEntries: 100,
        introspectionCacheSeconds: 0,
        ...changes,
      }),
    close: async () => {
      keySet.close();
      await upstream.close();
      await okta.close();
    },
  };
}

/** {@link startOktaParts}, closed when the test ends. */
export async function oktaPartsForTest(options: OktaPartsOptions): Promise<OktaParts> {
  const parts = await startOktaParts(options);
  onTestFinished(() => parts.close());
  return parts;
}

function partsOf(
  mode: ValidationMode,
  parts: Pick<OktaParts, 'keySet' | 'local' | 'introspection'>,
): ValidationParts {
  const { keySet, local, introspection } = parts;
  switch (mode) {
    case 'local':
      return { mode, keySet, local };
    case 'remote':
      return { mode, introspection };
    case 'both':
      return { mode, keySet, local, introspection };
  }
}
