import type { Logger } from 'pino';
import { BoundedCache } from '../base/bounded-cache.js';
import type { Clock } from '../base/clock.js';
import type { ConnectDecisions } from './connect-decision.js';
import type { Admission } from './connection.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { identityOf } from './login-facts.js';
import type { LoginFacts } from './login-facts.js';

export interface LoginRecordsOptions {
  readonly decisions: Pick<ConnectDecisions, 'inForce'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
}

/** How long after a refusal over TLS the same client may come again in plain, in milliseconds. */
const retryMs = 2_000;
const maxRefused = 10_000;

/** One line a login, and one count. */
export class LoginRecords {
  readonly #options: LoginRecordsOptions;
  readonly #refusedOverTls: BoundedCache<true>;

  constructor(options: LoginRecordsOptions) {
    this.#options = options;
    this.#refusedOverTls = new BoundedCache(maxRefused, options.clock);
  }

  /** @param ms from the accepted connection */
  write(
    admission: Exclude<Admission, { kind: 'cancel' }>,
    facts: LoginFacts,
    address: string,
    ms: number,
  ): void {
    const { decisions, logger, metrics } = this.#options;
    const isRefused = admission.kind === 'refused';
    const outcome = isRefused ? admission.refusal.outcome : 'accepted';
    const reason = isRefused ? admission.refusal.message : (facts.reason ?? null);
    const { user, isEncrypted: tls } = facts;
    const steps = { tokenMs: microsecondsOf(facts.tokenMs), policyMs: microsecondsOf(facts.policyMs) };
    const policy = decisions.inForce();
    const line = { outcome, reason, ...identityOf(facts), ...policy, address, tls, ms, ...steps };
    const isRetry = isRefused && this.#isRetryInPlain(facts, address);
    if (!isRetry) metrics.login(outcome, ms / 1000);
    // A probe that connects and closes is nothing to tell.
    const isProbe = user === undefined && outcome === 'gone';
    if (isProbe || isRetry) logger.debug(line, 'login');
    else logger.info(line, 'login');
  }

  /** libpq with sslmode=prefer tries a login that was refused over TLS a second time, in plain: it is one login. */
  #isRetryInPlain({ isEncrypted, user, database }: LoginFacts, address: string): boolean {
    if (user === undefined) return false;
    const key = JSON.stringify([address, user, database]);
    const { clock } = this.#options;
    if (isEncrypted) this.#refusedOverTls.set(key, true, clock() + retryMs);
    else if (this.#refusedOverTls.get(key) === true) {
      this.#refusedOverTls.set(key, true, clock());
      return true;
    }
    return false;
  }
}

/** Milliseconds without what is less than a microsecond; null for a step that was not reached. */
function microsecondsOf(milliseconds: number | undefined): number | null {
  return milliseconds === undefined ? null : Math.round(milliseconds * 1000) / 1000;
}
