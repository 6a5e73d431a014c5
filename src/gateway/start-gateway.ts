import type { KeyObject } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { Logger } from 'pino';
import { systemClock } from '../base/clock.js';
import type { Clock } from '../base/clock.js';
import { SetupError } from '../base/setup-error.js';
import { listen } from '../operations/listening.js';
import { startManagementServer } from '../operations/management-server.js';
import { Readiness } from '../operations/readiness.js';
import type { HealthCheck } from '../operations/readiness.js';
import type { RunningService } from '../operations/run-service.js';
import { startParts } from '../operations/start-parts.js';
import type { Opened } from '../operations/start-parts.js';
import { createOpaSidecarEngine } from '../policy/opa-sidecar-engine.js';
import { parseOpaUrl } from '../policy/opa-url.js';
import { createOpaWasmEngine } from '../policy/opa-wasm-engine.js';
import type { PolicyEngine } from '../policy/policy-engine.js';
import type { GatewaySettings } from '../settings/gateway-settings.js';
import { valuesOrThrow } from '../settings/report.js';
import { claimIsUser, decideByPolicy } from './connect-decision.js';
import type { ConnectDecisions } from './connect-decision.js';
import { TokenAuthenticator } from './credentials/token-authenticator.js';
import type { TrustedIssuer } from './credentials/token-authenticator.js';
import { trustIssuer } from './credentials/trusted-issuers.js';
import { createGatewayMetrics } from './gateway-metrics.js';
import { Gateway } from './gateway.js';
import { followUpstreamPassword, openUpstream, reach, upstreamCheck } from './open-upstream.js';
import { asOauthBearer, asPassword } from './presented-token.js';
import { Reloaded } from './reloaded.js';
import { openServerCertificate } from './server-certificate.js';
import { ScramKeyCache } from './upstream/scram-keys.js';
import { SpareConnection } from './upstream/spare-connection.js';

/** The gateway while it runs. */
export interface RunningGateway extends RunningService {
  readonly port: number;
  readonly managementPort: number;
  readonly gateway: Gateway;
}

const maxScramKeys = 1_000;

/**
 * Starts the gateway: listener, management port, key set, policy.
 *
 * @throws SetupError when the settings can't be put into force; ListenError when a port is in use
 */
export function startGateway(
  settings: GatewaySettings,
  logger: Logger,
  clock: Clock = systemClock,
): Promise<RunningGateway> {
  return startParts((opened) => start(settings, logger, clock, opened));
}

/** @param opened receives what has to be closed again, in the order of opening */
async function start(
  settings: GatewaySettings,
  logger: Logger,
  clock: Clock,
  opened: Opened,
): Promise<Omit<RunningGateway, 'close'>> {
  const onWarning = (message: string): void => {
    logger.warn(message);
  };
  const certificate = await openCertificate(settings, onWarning, opened);
  const upstream = await openUpstream(settings, clock, onWarning, opened);
  await reach(upstream);
  const password = await followUpstreamPassword(settings, onWarning, opened);
  const spare = new SpareConnection(upstream, clock);
  opened.push(() => {
    spare.close();
  });
  const issuers = trustedIssuers(settings, clock, onWarning, opened);
  const { engine, decisions, checks } = await policyOf(settings, onWarning, opened);
  await Promise.all(issuers.map(({ keySet }) => keySet.refresh()));
  const metrics = createGatewayMetrics();
  const keys = await followKeyFiles(settings, onWarning, opened);
  const authenticator = new TokenAuthenticator({ staticKeys: keys.value, issuers }, clock);
  keys.onChange(() => {
    authenticator.renewStaticKeys(keys.value);
  });
  const gateway = new Gateway({
    parts: {
      authenticator,
      method: settings.authentication === 'password' ? asPassword : asOauthBearer(settings.issuers[0] ?? ''),
      decisions,
      upstream,
      spare,
      get upstreamPassword() {
        return password.value;
      },
      scramKeys: new ScramKeyCache(maxScramKeys, clock),
      minimumAuthentication: settings.upstreamMinimumAuth,
      requireTls: settings.downstreamSslMode === 'require',
      subjectIn: settings.subjectIn,
    },
    secureContext: () => certificate?.value,
    ...settings,
    clock,
    logger,
    metrics,
  });
  const readiness = new Readiness([...checks, ...issuers.map(keySetCheck), upstreamCheck(upstream)]);
  const management = await startManagementServer({
    address: {
      host: settings.managementHost,
      port: settings.managementPort,
      setting: 'GATEWAY_MANAGEMENT_PORT',
    },
    readiness,
    metrics,
  });
  opened.push(() => management.close());
  const { host, port, downstreamSslMode: tls, maxSession } = settings;
  await listen(gateway.server, { host, port, setting: 'DOWNSTREAM__PORT' });
  opened.push(async () => {
    await gateway.run({ timeoutMs: 0 });
  });
  const running = {
    port: (gateway.server.address() as AddressInfo).port,
    managementPort: management.port,
  };
  const policy = engine === undefined ? `${settings.userClaim} is the user` : settings.opaUrl;
  const upstreamTls = upstream.tls === undefined ? 'disable' : settings.upstreamSslMode;
  const inForce = { tls, upstreamTls, policy, maxSession };
  logger.info({ ...running, ...inForce }, 'the SQL gateway is listening');
  return { ...running, gateway, server: gateway, readiness };
}

async function openCertificate(
  { certFile, keyFile, downstreamSslMode }: GatewaySettings,
  onWarning: (message: string) => void,
  opened: Opened,
): Promise<Reloaded<SecureContext> | undefined> {
  if (downstreamSslMode === 'disable') return undefined;
  const certificate = await openServerCertificate({ certFile, keyFile }, onWarning);
  opened.push(() => certificate.close());
  return certificate;
}

/** Keys in files are renewed as certificates are: without a restart, and only when all of them can be read. */
async function followKeyFiles(
  { renewable: { publicKeys } }: GatewaySettings,
  onWarning: (message: string) => void,
  opened: Opened,
): Promise<Reloaded<readonly KeyObject[]>> {
  const keys = await Reloaded.open({
    paths: publicKeys.files,
    load: () => Object.values(valuesOrThrow(publicKeys.read())),
    onFailure: (reason) => {
      onWarning(`the static keys were not renewed: ${reason}`);
    },
  });
  opened.push(() => keys.close());
  return keys;
}

function trustedIssuers(
  { issuers, audiences, jwksUrl }: GatewaySettings,
  clock: Clock,
  onWarning: (message: string) => void,
  opened: Opened,
): TrustedIssuer[] {
  return issuers.map((name) => {
    const issuer = trustIssuer(name, { audiences, jwksUrl, clock, onWarning });
    opened.push(() => issuer.close());
    return issuer;
  });
}

interface Policy {
  readonly engine: PolicyEngine | undefined;
  readonly decisions: ConnectDecisions;
  readonly checks: readonly HealthCheck[];
}

async function policyOf(
  settings: GatewaySettings,
  onWarning: (message: string) => void,
  opened: Opened,
): Promise<Policy> {
  if (settings.opaUrl === '')
    return { engine: undefined, decisions: claimIsUser(settings.userClaim), checks: [] };
  const url = parseOpaUrl(settings.opaUrl);
  if (!url.ok) throw new SetupError(`GATEWAY_OPA_URL: ${url.reason}`);
  const engine = await engineOf(settings, url.value, onWarning);
  opened.push(() => engine.close());
  const { decisionPath } = url.value;
  // It may come later, and is not waited for; until then nobody is let in.
  void engine.probe(decisionPath).then((probed) => {
    if (!probed.ok) onWarning(`GATEWAY_OPA_URL: no decision yet, and no login without: ${probed.reason}`);
  });
  const check = { name: 'policy', check: () => engine.probe(decisionPath) };
  return { engine, decisions: decideByPolicy(engine, decisionPath), checks: [check] };
}

async function engineOf(
  { opaMode, opaBundle, opaTimeoutMs: timeoutMs }: GatewaySettings,
  url: Parameters<typeof createOpaSidecarEngine>[0]['url'],
  onWarning: (message: string) => void,
): Promise<PolicyEngine> {
  if (opaMode === 'sidecar') return createOpaSidecarEngine({ url, timeoutMs });
  const engine = await createOpaWasmEngine({ bundlePath: opaBundle, onWarning, watch: true });
  if (!engine.ok) throw new SetupError(`OPA_BUNDLE: ${engine.reason}`);
  return engine.value;
}

function keySetCheck({ keySet }: TrustedIssuer): HealthCheck {
  const check = async () => (keySet.isWarm() ? { ok: true } : keySet.refresh());
  return { name: 'key_set', check };
}
