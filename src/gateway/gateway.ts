import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SecureContext } from 'node:tls';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.js';
import { errorText } from '../base/error-text.js';
import { sourceOf } from '../base/source-address.js';
import type { DrainResult, Drainable } from '../operations/drain.js';
import { CancelKeys } from './cancel-keys.js';
import { admitConnection } from './connection.js';
import type { Admission } from './connection.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import type { LoginParts } from './login.js';
import { identityOf } from './login-facts.js';
import type { LoginFacts } from './login-facts.js';
import { LoginRecords } from './login-records.js';
import { Session } from './session.js';
import { cancelUpstream } from './upstream/cancel.js';
import { authenticationOk, backendKeyData, errorResponse } from './wire/backend-messages.js';
import type { BackendKey } from './wire/backend-reader.js';

export interface GatewayOptions {
  readonly parts: LoginParts;
  /** Certificate and key in force; undefined where clients get no TLS. */
  readonly secureContext: () => SecureContext | undefined;
  /** `token`: until its `exp`; a number of seconds; `none`. */
  readonly maxSession: 'token' | 'none' | number;
  readonly loginTimeoutMs: number;
  /** Connections of one source that are not logged in yet, at most; in IPv6 a source is a network. */
  readonly maxLogins: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
}

const keepAliveDelayMs = 60_000;
const cancelTimeoutMs = 5_000;
/** A timer stands still while the machine sleeps, does not see a clock that is set, and holds 24.8 days at most. */
const longestTimerMs = 60_000;

const tooManyLogins = errorResponse({
  severity: 'FATAL',
  sqlState: '53300',
  message: 'too many connections of this address are not logged in yet',
});

/** Accepts clients of PostgreSQL, lets in who has a token, and joins them to sessions at the server. */
export class Gateway implements Drainable {
  readonly server: Server;
  readonly sessions = new Set<Session>();
  readonly #options: GatewayOptions;
  readonly #cancelKeys = new CancelKeys();
  readonly #logins = new Map<string, number>();
  readonly #records: LoginRecords;
  /** Connections that are neither sessions nor refused yet: aborted by the end of their time, or of the gateway. */
  readonly #admissions = new Set<AbortController>();
  /** Cancel requests that are on their way to the server. */
  readonly #cancelling = new Set<Promise<void>>();

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { parts, ...rest } = options;
    this.#records = new LoginRecords({ ...rest, decisions: parts.decisions });
    this.server = createServer(
      {
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: keepAliveDelayMs,
        pauseOnConnect: true,
      },
      (socket) => void this.#accept(socket),
    );
  }

  /**
   * Ends accepting, and sessions: idle ones at once, others when they become idle or the time is over.
   *
   * @returns whether all had ended by then
   */
  async run({ timeoutMs }: { readonly timeoutMs: number }): Promise<DrainResult> {
    // Connections that the kernel has made already get accepted rather than reset.
    await nextTurn();
    await nextTurn();
    this.server.close();
    for (const admission of this.#admissions) admission.abort(new Error('the gateway stops'));
    const looking = setInterval(() => {
      for (const session of this.sessions) if (session.isIdle) session.end('shutdown');
    }, 20);
    const all = Promise.all([...this.sessions].map(({ ended }) => ended));
    const { promise: late, resolve } = Promise.withResolvers<'late'>();
    const timer = setTimeout(resolve, timeoutMs, 'late');
    const result = await Promise.race([all, late]);
    clearTimeout(timer);
    clearInterval(looking);
    for (const session of this.sessions) session.end('shutdown');
    await all;
    // The process may end now, and these with it.
    await Promise.all(this.#cancelling);
    return result === 'late' ? 'cut' : 'drained';
  }

  async #accept(socket: Socket): Promise<void> {
    const { clock, parts, secureContext, loginTimeoutMs, metrics } = this.#options;
    const began = clock();
    const address = plainAddress(socket.remoteAddress ?? '');
    const source = sourceOf(address);
    // `close` follows every error.
    socket.on('error', () => undefined);
    if (!this.#mayLogIn(source)) {
      // No line in the log: whoever comes too often would fill it.
      metrics.login('too_many', 0);
      socket.end(tooManyLogins, () => socket.destroy());
      return;
    }
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort(new DOMException('the login took too long', 'TimeoutError'));
    }, loginTimeoutMs);
    this.#admissions.add(deadline);
    const { signal } = deadline;
    const { admission, facts } = await admitConnection(socket, { parts, secureContext, address, signal });
    this.#admissions.delete(deadline);
    clearTimeout(timer);
    // A client that has left may have a login at the server that nobody else would end.
    if (admission.kind === 'refused') deadline.abort('over');
    // Each costs a connection to the server, so it counts for as long as that is open.
    if (admission.kind === 'cancel') await this.#cancel(socket, admission);
    this.#leaveLogins(source);
    if (admission.kind === 'cancel') return;
    this.#records.write(admission, facts, address, clock() - began);
    if (admission.kind === 'session') await this.#serve(admission, facts, address);
  }

  #mayLogIn(source: string): boolean {
    const count = this.#logins.get(source) ?? 0;
    if (count >= this.#options.maxLogins) return false;
    this.#logins.set(source, count + 1);
    return true;
  }

  #leaveLogins(source: string): void {
    const count = (this.#logins.get(source) ?? 1) - 1;
    if (count === 0) this.#logins.delete(source);
    else this.#logins.set(source, count);
  }

  async #serve(
    { loggedIn, client, ahead }: Extract<Admission, { kind: 'session' }>,
    facts: LoginFacts,
    address: string,
  ): Promise<void> {
    const { clock, metrics, logger } = this.#options;
    const { socket: server, session: atServer, token } = loggedIn;
    const began = clock();
    const { backendKey } = atServer;
    const key = backendKey && this.#cancelKeys.issue(backendKey);
    const keyData = backendKey && key ? [backendKeyData(backendKey.processId, key.secret)] : [];
    const session = new Session({
      client,
      server,
      opening: Buffer.concat([authenticationOk(), ...keyData, atServer.greeting, atServer.rest]),
      ahead,
      cancelBackend: () => {
        if (backendKey !== undefined) void this.#cancelBackend(backendKey);
      },
    });
    this.sessions.add(session);
    metrics.sessionBegan(session, token.expiresAt - began / 1000);
    const disarm = this.#armExpiry(session, token.expiresAt * 1000, began);
    const end = await session.ended;
    disarm();
    key?.revoke();
    this.sessions.delete(session);
    metrics.sessionEnded(session, end);
    const { bytesFromClient, bytesFromServer } = session;
    const ms = clock() - began;
    logger.info(
      { end, ...identityOf(facts), address, ms, bytesFromClient, bytesFromServer },
      'session ended',
    );
  }

  /** @param expiresAt of the token, in milliseconds since the epoch */
  #armExpiry(session: Session, expiresAt: number, began: number): () => void {
    const { maxSession, clock } = this.#options;
    if (maxSession === 'none') return () => undefined;
    const endsAt = maxSession === 'token' ? expiresAt : began + maxSession * 1000;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const left = endsAt - clock();
      if (left <= 0) session.end('expired');
      // Without unref: Node keeps what it made for a timer's duration until then, when the timer is cleared while unref'd.
      else timer = setTimeout(arm, Math.min(left, longestTimerMs));
    };
    arm();
    return () => {
      clearTimeout(timer);
    };
  }

  /** No answer, as the protocol has it: who holds no key learns nothing (PostgreSQL documentation, section 55.2.8). */
  async #cancel(
    socket: Socket,
    { processId, secret }: Extract<Admission, { kind: 'cancel' }>,
  ): Promise<void> {
    const backend = this.#cancelKeys.find(processId, secret);
    this.#options.metrics.cancel(backend !== undefined);
    if (backend !== undefined) await this.#cancelBackend(backend);
    socket.destroy();
  }

  #cancelBackend(backend: BackendKey): Promise<void> {
    const cancelling = this.#forwardCancel(backend).finally(() => this.#cancelling.delete(cancelling));
    this.#cancelling.add(cancelling);
    return cancelling;
  }

  async #forwardCancel(backend: BackendKey): Promise<void> {
    const { parts, logger } = this.#options;
    try {
      await cancelUpstream(parts.upstream, backend, AbortSignal.timeout(cancelTimeoutMs));
    } catch (error) {
      logger.warn({ reason: errorText(error) }, 'a cancel request could not be forwarded');
    }
  }
}

/** An IPv4 address as policies and logs expect it, where one socket listens for both protocols. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
