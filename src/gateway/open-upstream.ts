import { readFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.js';
import { errorText } from '../base/error-text.js';
import { SetupError, exitUnavailable } from '../base/setup-error.js';
import { isSocketFolder } from '../base/socket-folder.js';
import type { HealthCheck } from '../operations/readiness.js';
import type { Opened } from '../operations/start-parts.js';
import type { GatewaySettings } from '../settings/gateway-settings.js';
import { valuesOrThrow } from '../settings/report.js';
import { Reloaded } from './reloaded.js';
import { connectUpstream } from './upstream/upstream-connection.js';
import type { UpstreamOptions } from './upstream/upstream-connection.js';
import { UpstreamTls } from './upstream/upstream-tls.js';
import type { UpstreamTlsOptions } from './upstream/upstream-tls.js';

/** The PostgreSQL server can't be reached, or is not the one that the settings describe. */
class UpstreamUnavailable extends SetupError {
  override readonly name = 'UpstreamUnavailable';
  override readonly exitCode = exitUnavailable;
}

const probeTimeoutMs = 2_000;

/**
 * Where the server is, and what is believed of it. The authorities are renewed with their file; sessions that were
 * verified by those before go on.
 *
 * @throws SetupError when the file can't be read or holds no certificate
 */
export async function openUpstream(
  { upstreamHost: host, upstreamPort: port, upstreamSslMode, upstreamCaFile }: GatewaySettings,
  clock: Clock,
  onWarning: (message: string) => void,
  opened: Opened,
): Promise<UpstreamOptions> {
  // A server speaks no TLS on its Unix socket, whatever the mode; libpq asks for none there.
  if (upstreamSslMode === 'disable' || isSocketFolder(host)) return { host, port, tls: undefined };
  const load = async (): Promise<UpstreamTls> => {
    const ca = upstreamCaFile === '' ? undefined : await readFile(upstreamCaFile, 'utf8');
    return new UpstreamTls(host, tlsOptions(upstreamSslMode, ca), clock);
  };
  const onFailure = (reason: string): void => {
    onWarning(`the authorities of UPSTREAM__CAFILE were not renewed: ${reason}`);
  };
  const paths = upstreamCaFile === '' ? [] : [upstreamCaFile];
  try {
    const tls = await Reloaded.open({ paths, load, onFailure });
    opened.push(() => tls.close());
    return {
      host,
      port,
      get tls() {
        return tls.value;
      },
    };
  } catch (cause) {
    throw new SetupError(`UPSTREAM__CAFILE can not be used: ${errorText(cause)}`, { cause });
  }
}

/** @param ca is there for verify-ca: the settings see to that */
function tlsOptions(
  sslMode: Exclude<GatewaySettings['upstreamSslMode'], 'disable'>,
  ca: string | undefined,
): UpstreamTlsOptions {
  if (sslMode === 'verify-ca') return { sslMode, ca: ca ?? '' };
  return { sslMode, ...(ca === undefined ? {} : { ca }) };
}

/**
 * The password that roles have for the gateway, renewed with its file. The next login has the new one.
 *
 * @throws SetupError when the file has become unreadable since the settings were read
 */
export async function followUpstreamPassword(
  { renewable: { upstreamPassword: renewed } }: GatewaySettings,
  onWarning: (message: string) => void,
  opened: Opened,
): Promise<Reloaded<string | undefined>> {
  let inForce = '';
  const load = (): string | undefined => {
    const { upstreamPassword } = valuesOrThrow(renewed.read());
    if (upstreamPassword === '' && inForce !== '') throw new SetupError('UPSTREAM__PASSWORD_FILE is empty');
    inForce = upstreamPassword;
    return upstreamPassword === '' ? undefined : upstreamPassword;
  };
  const onFailure = (reason: string): void => {
    onWarning(`the password for the PostgreSQL server was not renewed: ${reason}`);
  };
  const password = await Reloaded.open({ paths: renewed.files, load, onFailure });
  opened.push(() => password.close());
  return password;
}

/** Told at the start, where somebody looks; later it is a matter of readiness. */
export async function reach(upstream: UpstreamOptions): Promise<void> {
  try {
    await probe(upstream);
  } catch (cause) {
    const { host, port } = upstream;
    throw new UpstreamUnavailable(`UPSTREAM__HOST ${host}, port ${port}: ${errorText(cause)}`, { cause });
  }
}

/** Whether the server can be reached and is believed; logging in needs a role, and only clients name one. */
export function upstreamCheck(upstream: UpstreamOptions): HealthCheck {
  return {
    name: 'upstream',
    check: async () => {
      try {
        await probe(upstream);
        return { ok: true };
      } catch (error) {
        return { ok: false, reason: errorText(error) };
      }
    },
  };
}

/** @throws what keeps a login from getting as far as its startup message */
async function probe(upstream: UpstreamOptions): Promise<void> {
  const connection = await connectUpstream(upstream, AbortSignal.timeout(probeTimeoutMs));
  connection.destroy();
}
