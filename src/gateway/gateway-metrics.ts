import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { MetricsPage } from '../operations/metrics.js';
import type { LoginOutcome } from './login-refusal.js';
import type { Session, SessionEnd } from './session.js';

export interface GatewayMetrics extends MetricsPage {
  login(outcome: LoginOutcome, seconds: number): void;
  /** @param secondsToExpiry of the session's token */
  sessionBegan(session: SessionBytes, secondsToExpiry: number): void;
  /** @param session as it began; its bytes stay as they are from now on */
  sessionEnded(session: SessionBytes, end: SessionEnd): void;
  /** @param found whether there was a session of that key */
  cancel(found: boolean): void;
}

/** What passed through a session so far. */
type SessionBytes = Pick<Session, 'bytesFromClient' | 'bytesFromServer'>;

const prefix = 'nest_okta_opa_gateway_';

/** Labels come from closed sets only: no user, role, database or address. */
export function createGatewayMetrics(): GatewayMetrics {
  const registers = [new Registry()] as [Registry];
  const [registry] = registers;
  collectDefaultMetrics({ register: registry });
  const logins = new Histogram({
    name: `${prefix}login_seconds`,
    help: 'Logins by outcome, from the accepted connection to the session or the refusal.',
    labelNames: ['outcome'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });
  const open = new Set<SessionBytes>();
  /** Of sessions that have ended. */
  const past = { bytesFromClient: 0, bytesFromServer: 0 };
  const total = (of: keyof SessionBytes): number =>
    [...open].reduce((sum, session) => sum + session[of], past[of]);
  const sessions = new Gauge({ name: `${prefix}sessions`, help: 'Sessions that are open.', registers });
  const ended = new Counter({
    name: `${prefix}sessions_ended_total`,
    help: 'Sessions that have ended, by what ended them.',
    labelNames: ['end'],
    registers,
  });
  // Added up when somebody looks: a session costs nothing by being counted, and a long one is not told at its end alone.
  new Counter({
    name: `${prefix}bytes_total`,
    help: 'Bytes that sessions passed on, by where they came from.',
    labelNames: ['from'],
    registers,
    collect() {
      this.reset();
      this.inc({ from: 'client' }, total('bytesFromClient'));
      this.inc({ from: 'server' }, total('bytesFromServer'));
    },
  });
  const cancels = new Counter({
    name: `${prefix}cancels_total`,
    help: 'Cancel requests, by whether a session had the key.',
    labelNames: ['found'],
    registers,
  });
  const expiry = new Histogram({
    name: `${prefix}token_seconds_to_expiry`,
    help: 'What a token had left when its session began.',
    buckets: [10, 60, 300, 900, 3600, 14_400, 86_400],
    registers,
  });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    login: (outcome, seconds) => {
      logins.observe({ outcome }, seconds);
    },
    sessionBegan: (session, secondsToExpiry) => {
      open.add(session);
      sessions.set(open.size);
      expiry.observe(secondsToExpiry);
    },
    sessionEnded: (session, end) => {
      open.delete(session);
      sessions.set(open.size);
      ended.inc({ end });
      past.bytesFromClient += session.bytesFromClient;
      past.bytesFromServer += session.bytesFromServer;
    },
    cancel: (found) => {
      cancels.inc({ found: String(found) });
    },
  };
}
