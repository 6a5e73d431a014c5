import type { HttpService } from '@nestjs/axios';
import { systemClock } from '../base/clock.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';
import type { UpstreamCall } from '../base/upstream.js';
import { createOpaSidecarEngine } from '../policy/opa-sidecar-engine.js';
import type { OpaUrl } from '../policy/opa-sidecar-engine.js';
import { createOpaWasmEngine } from '../policy/opa-wasm-engine.js';
import type { PolicyEngine } from '../policy/policy-engine.js';
import type { Expectation } from '../token/checks.js';
import { Introspection, introspectionClaims } from '../token/introspection.js';
import { RemoteKeySet } from '../token/key-set.js';
import { readSigningKeys } from '../token/signing-keys.js';
import { OktaLocalVerifier } from '../token/okta-local-verifier.js';
import { TokenVerifier } from '../token/token-verifier.js';
import type { ValidationParts } from '../token/token-verifier.js';
import { AccessControl } from './access-control.js';
import type { AccessOptions, OktaIntrospectionOptions, OktaOptions } from './access-options.js';
import { AccessSetupError, checkOptions } from './check-options.js';
import { axiosUpstreamCall } from './okta-upstream.js';
import type { OktaTransport } from './okta-upstream.js';

const ignore = (): void => undefined;

const defaultOktaTimeoutMs = 2000;
const defaultOpaTimeoutMs = 500;
const defaultTokenCacheEntries = 10_000;

/** One condition of readiness. */
export interface ReadinessCheck {
  readonly name: 'key_set' | 'introspection' | 'policy';
  check(): Promise<Outcome<null, string>>;
}

/** Everything behind the guard, put together from the options, with its life cycle. */
export class AccessRuntime {
  readonly control: AccessControl;
  readonly verifier: TokenVerifier;
  readonly engine: PolicyEngine;
  /** Of the decision for routes that name no other. */
  readonly decisionPath: string;
  readonly parts: ValidationParts;
  /** Settles when the first key set and the first policy probe have come back, whatever they brought. */
  readonly warm: Promise<void>;
  readonly #transport: OktaTransport;

  private constructor(
    options: AccessOptions,
    engine: PolicyEngine,
    decisionPath: string,
    transport: OktaTransport,
    call: UpstreamCall,
  ) {
    const clock = options.clock ?? systemClock;
    this.engine = engine;
    this.decisionPath = decisionPath;
    this.#transport = transport;
    this.parts = createParts(options, call);
    this.verifier = new TokenVerifier(this.parts, {
      clock,
      cacheEntries: options.okta.tokenCacheEntries ?? defaultTokenCacheEntries,
      introspectionCacheSeconds:
        options.okta.validation === 'local' ? 0 : (options.okta.introspectionCacheSeconds ?? 0),
    });
    const onDecision = options.onDecision ?? ignore;
    this.warm = this.#warmUp();
    this.control = new AccessControl({ verifier: this.verifier, engine, decisionPath, onDecision, clock });
  }

  /** @throws AccessSetupError when the options can't be put into force */
  static async create(
    options: AccessOptions,
    transport: OktaTransport,
    http: HttpService,
  ): Promise<AccessRuntime> {
    const url = checkOptions(options);
    const engine = await createEngine(options, url);
    const call = axiosUpstreamCall(http.axiosRef);
    return new AccessRuntime(options, engine, url.decisionPath, transport, call);
  }

  /** Fetches what the first request would have to wait for. Failures are no reason not to start. */
  async #warmUp(): Promise<void> {
    const keys = this.parts.mode === 'remote' ? undefined : this.parts.keySet.refresh();
    await Promise.all([keys, this.engine.probe(this.decisionPath)]);
  }

  /** Ready: keys warm, a decision defined at the path, and credentials proven where introspection is used. */
  readinessChecks(): readonly ReadinessCheck[] {
    const { parts } = this;
    const checks: ReadinessCheck[] = [{ name: 'policy', check: () => this.engine.probe(this.decisionPath) }];
    if (parts.mode !== 'remote') checks.push({ name: 'key_set', check: () => checkKeySet(parts.keySet) });
    if (parts.mode !== 'local')
      checks.push({ name: 'introspection', check: () => parts.introspection.probe() });
    return checks;
  }

  async close(): Promise<void> {
    if (this.parts.mode !== 'remote') this.parts.keySet.close();
    await Promise.all([this.engine.close(), this.#transport.close()]);
  }
}

function createParts(options: AccessOptions, call: UpstreamCall): ValidationParts {
  const { okta } = options;
  switch (okta.validation) {
    case 'local':
      return { mode: 'local', ...createLocal(options, call) };
    case 'remote':
      return { mode: 'remote', introspection: createIntrospection(okta, options, call) };
    case 'both':
      return {
        mode: 'both',
        ...createLocal(options, call),
        introspection: createIntrospection(okta, options, call),
      };
  }
}

function createLocal({ okta, clock = systemClock, onWarning = ignore }: AccessOptions, call: UpstreamCall) {
  const url = new URL(okta.jwksUrl ?? `${okta.issuer}/v1/keys`);
  const timeoutMs = okta.timeoutMs ?? defaultOktaTimeoutMs;
  const keySet = new RemoteKeySet({ read: readSigningKeys, url, call, timeoutMs, clock, onWarning });
  return { keySet, local: new OktaLocalVerifier(expectationOf(okta), keySet, clock) };
}

function createIntrospection(
  okta: OktaIntrospectionOptions,
  { clock = systemClock }: AccessOptions,
  call: UpstreamCall,
) {
  const optional = okta.introspectionOptionalClaims ?? [];
  return new Introspection({
    url: new URL(`${okta.issuer}/v1/introspect`),
    clientId: okta.clientId,
    clientSecret: okta.clientSecret,
    call,
    timeoutMs: okta.timeoutMs ?? defaultOktaTimeoutMs,
    expected: expectationOf(okta),
    requiredClaims: new Set(introspectionClaims.filter((claim) => !optional.includes(claim))),
    clock,
  });
}

function expectationOf({ issuer, audience, clientIds }: OktaOptions): Expectation {
  return { issuer, audience, clients: clientIds === 'any' ? 'any' : new Set(clientIds) };
}

async function createEngine({ opa, onWarning = ignore }: AccessOptions, url: OpaUrl): Promise<PolicyEngine> {
  if (opa.mode === 'sidecar') {
    return createOpaSidecarEngine({ url, timeoutMs: opa.timeoutMs ?? defaultOpaTimeoutMs });
  }
  const engine = await createOpaWasmEngine({ bundlePath: opa.bundle, onWarning, watch: true });
  if (!engine.ok) throw new AccessSetupError(engine.reason);
  return engine.value;
}

async function checkKeySet(keySet: RemoteKeySet): Promise<Outcome<null, string>> {
  if (keySet.isWarm()) return accept(null);
  const refreshed = await keySet.refresh();
  return refreshed.ok && !keySet.isWarm() ? refuse('unavailable', 'the key set is too old') : refreshed;
}
