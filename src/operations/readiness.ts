import { systemClock } from '../base/clock.js';
import type { Clock } from '../base/clock.js';
import { errorText } from '../base/error-text.js';

/** One condition of readiness, such as a warm key set. */
export interface HealthCheck {
  readonly name: string;
  /** May take as long as it likes and may reject; both count as not ready. */
  check(): Promise<{ readonly ok: boolean; readonly reason?: string }>;
}

interface CheckReport {
  readonly name: string;
  readonly status: 'up' | 'down';
  /** Why it is down, in one sentence. */
  readonly reason?: string;
}

export interface ReadinessReport {
  readonly status: 'ready' | 'not_ready';
  readonly checks: readonly CheckReport[];
}

export interface ReadinessOptions {
  /** How long a report is reused, in milliseconds, so that probes can't load the upstreams; 1000 by default. */
  readonly maxAgeMs?: number;
  /** How long one check may take, in milliseconds; 2500 by default. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

const stopping: ReadinessReport = {
  status: 'not_ready',
  checks: [{ name: 'process', status: 'down', reason: 'the process is stopping' }],
};

/** Whether traffic should come here. All checks run side by side, one round at a time however many ask. */
export class Readiness {
  readonly #checks: readonly HealthCheck[];
  readonly #maxAgeMs: number;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #stopping = false;
  #last: { readonly report: Promise<ReadinessReport>; expiresAt: number } | undefined;

  constructor(checks: readonly HealthCheck[], options: ReadinessOptions = {}) {
    this.#checks = checks;
    this.#maxAgeMs = options.maxAgeMs ?? 1000;
    this.#timeoutMs = options.timeoutMs ?? 2500;
    this.#clock = options.clock ?? systemClock;
  }

  /** Never rejects. */
  report(): Promise<ReadinessReport> {
    if (this.#stopping) return Promise.resolve(stopping);
    if (this.#last === undefined || this.#last.expiresAt <= this.#clock()) this.#last = this.#start();
    return this.#last.report.then((report) => (this.#stopping ? stopping : report));
  }

  /** From now on not ready, whatever the checks say. */
  stop(): void {
    this.#stopping = true;
  }

  #start(): { report: Promise<ReadinessReport>; expiresAt: number } {
    // Not over before the round is: a slow upstream is asked once, not once per probe.
    const round = { report: this.#run(), expiresAt: Infinity };
    void round.report.then(() => {
      round.expiresAt = this.#clock() + this.#maxAgeMs;
    });
    return round;
  }

  async #run(): Promise<ReadinessReport> {
    const checks = await Promise.all(this.#checks.map((check) => runCheck(check, this.#timeoutMs)));
    return { status: checks.every(({ status }) => status === 'up') ? 'ready' : 'not_ready', checks };
  }
}

async function runCheck(check: HealthCheck, timeoutMs: number): Promise<CheckReport> {
  const { name } = check;
  const answer = await bounded(check, timeoutMs);
  return answer.ok
    ? { name, status: 'up' }
    : { name, status: 'down', reason: answer.reason ?? 'no reason given' };
}

async function bounded(check: HealthCheck, timeoutMs: number): ReturnType<HealthCheck['check']> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<{ ok: boolean; reason: string }>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, { ok: false, reason: `no answer within ${timeoutMs} ms` });
  });
  try {
    return await Promise.race([check.check(), deadline]);
  } catch (error) {
    return { ok: false, reason: errorText(error) };
  } finally {
    clearTimeout(timer);
  }
}
