import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect, createSecureContext } from 'node:tls';
import type { ConnectionOptions, EphemeralKeyInfo, SecureContext, TLSSocket } from 'node:tls';
import { BoundedCache } from '../../base/bounded-cache.js';
import type { Clock } from '../../base/clock.js';
import { brokenConnection, logText, nextEvent } from './socket-watch.js';
import { UpstreamError } from './upstream-error.js';

/**
 * libpq's sslmode, from `require` on (PostgreSQL documentation, section 34.19). `require` encrypts and believes any
 * certificate, but with a CA at hand it is `verify-ca`, as in libpq. `verify-ca` without a CA of one's own would believe
 * everybody with a certificate for whatever host, so there is no such thing.
 */
export type UpstreamTlsOptions =
  | { readonly sslMode: 'require'; readonly ca?: string }
  | { readonly sslMode: 'verify-ca'; readonly ca: string }
  | {
      readonly sslMode: 'verify-full';
      /** PEM, one certificate or several. Default: the authorities that Node trusts. */
      readonly ca?: string;
    };

const sessionLivesMs = 60 * 60 * 1000;
const theSession = 'session';

/**
 * Groups for the key exchange that OpenSSL does not guess first: a server that takes no other asks again, which costs a
 * round trip each time. PostgreSQL before 18 takes prime256v1 alone (ssl_ecdh_curve).
 */
const askedForAgain: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const allGroups = ['X25519MLKEM768', 'X25519', ...askedForAgain];

/** TLS with one upstream server: what is believed of it, which group it takes, and the session to resume. */
export class UpstreamTls {
  readonly #options: ConnectionOptions;
  readonly #ca: string | undefined;
  #secureContext: SecureContext;
  #firstGroup = 'auto';
  readonly #clock: Clock;
  /** A resumed session is not verified anew, so it stays with the rules it was verified by, and not for long. */
  readonly #sessions: BoundedCache<Buffer>;

  /**
   * @param host name or IP address that `verify-full` finds in the certificate
   * @throws Error when `ca` holds no certificate
   */
  constructor(host: string, options: UpstreamTlsOptions, clock: Clock) {
    this.#options = connectionOptions(host, options);
    this.#ca = options.ca;
    this.#secureContext = contextFor(options.ca, this.#firstGroup);
    this.#clock = clock;
    this.#sessions = new BoundedCache(1, clock);
  }

  /**
   * Encrypts a connection whose server has answered `S`.
   *
   * @throws UpstreamError `untrusted` when the certificate is not believed or the server speaks no TLS, `unreachable`
   *   when the connection ends before, `timeout` and `aborted` by the signal
   */
  async secure(socket: Socket, signal: AbortSignal): Promise<TLSSocket> {
    const session = this.#sessions.get(theSession);
    const secureContext = this.#secureContext;
    const resumed = session === undefined ? {} : { session };
    const secured = connect({ ...this.#options, secureContext, socket, ...resumed });
    secured.on('error', () => undefined);
    secured.once('secureConnect', () => {
      this.#keepSessionsOf(secured);
      this.#learnGroupOf(secured);
    });
    await nextEvent(secured, 'secureConnect', signal, failedHandshake);
    return secured;
  }

  /** The next connection guesses right. */
  #learnGroupOf(secured: TLSSocket): void {
    const { name } = secured.getEphemeralKeyInfo() as Partial<EphemeralKeyInfo>;
    if (name === undefined || name === this.#firstGroup || !askedForAgain.has(name)) return;
    this.#firstGroup = name;
    this.#secureContext = contextFor(this.#ca, name);
  }

  /** Once it is verified: TLS 1.3 brings sessions afterwards, TLS 1.2 has brought its one already. */
  #keepSessionsOf(secured: TLSSocket): void {
    if (secured.getProtocol() === 'TLSv1.2') this.#keep(secured.getSession());
    secured.on('session', (session) => {
      this.#keep(session);
    });
  }

  #keep(session: Buffer | undefined): void {
    if (session !== undefined) this.#sessions.set(theSession, session, this.#clock() + sessionLivesMs);
  }
}

function connectionOptions(host: string, { sslMode, ca }: UpstreamTlsOptions): ConnectionOptions {
  if (ca !== undefined) assertCertificate(ca);
  return {
    host,
    // A name for the server's choice of a certificate; an address is none (RFC 6066 section 3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // Only a PostgreSQL server answers to it, so that no other service with the certificate can be put in its place.
    ALPNProtocols: ['postgresql'],
    rejectUnauthorized: sslMode !== 'require' || ca !== undefined,
    ...(sslMode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** @param firstGroup is what a client sends its half for; `auto` leaves that to OpenSSL */
function contextFor(ca: string | undefined, firstGroup: string): SecureContext {
  const others = firstGroup === 'auto' ? [] : allGroups.filter((group) => group !== firstGroup);
  const ecdhCurve = [firstGroup, ...others].join(':');
  return createSecureContext({ minVersion: 'TLSv1.2', ecdhCurve, ...(ca === undefined ? {} : { ca }) });
}

/** Node takes a text without any certificate for an empty list and believes nobody, without a word. */
function assertCertificate(pem: string): void {
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new Error('there is no certificate in PEM', { cause });
  }
}

/** A handshake fails by what the server is; a connection that ends in it may just have been lost. */
function failedHandshake(cause: Error | undefined): UpstreamError {
  if (cause === undefined || (cause as NodeJS.ErrnoException).code === 'ECONNRESET')
    return brokenConnection(cause);
  const advice = 'look at its certificate, UPSTREAM__CAFILE and UPSTREAM__SSLMODE';
  return new UpstreamError(
    'untrusted',
    `TLS with the upstream failed: ${logText(cause.message)}; ${advice}`,
    { cause },
  );
}
