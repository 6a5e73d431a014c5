import type { Socket } from 'node:net';
import { afterEach } from 'vitest';
import { ScramKeyCache } from '../../../../src/gateway/upstream/scram-keys.js';
import { connectUpstream } from '../../../../src/gateway/upstream/upstream-connection.js';
import { logIn } from '../../../../src/gateway/upstream/upstream-login.js';
import type { UpstreamSession } from '../../../../src/gateway/upstream/upstream-login.js';
import type { UpstreamTls } from '../../../../src/gateway/upstream/upstream-tls.js';
import { frozenClock } from '../../../support/tokens.js';
import {
  backendKeyData,
  noticeResponse,
  ok,
  parameterStatus,
  readyForQuery,
  sasl,
  saslContinue,
  saslFinal,
} from './backend-script.js';
import type { Step } from './backend-script.js';
import { ScramServer } from './scram-server.js';
import { startScriptedServer } from './scripted-server.js';
import type { ScriptedServer } from './scripted-server.js';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

export const password = 'the password of the gateway';
export const greetingParts = [parameterStatus, noticeResponse, readyForQuery];
export const greeting = Buffer.concat([ok, parameterStatus, backendKeyData, noticeResponse, readyForQuery]);

export interface Login {
  readonly server: ScriptedServer;
  readonly socket: Socket;
  readonly signal: AbortSignal;
  readonly session: Promise<UpstreamSession>;
}

export interface Circumstances {
  readonly deadlineMs?: number;
  readonly tls?: UpstreamTls;
  readonly user?: string;
}

/** Logs in to a scripted server, which is closed after the test. */
export async function logInTo(
  serve: (socket: Socket) => unknown,
  { deadlineMs = 10_000, tls, user = 'alice' }: Circumstances = {},
): Promise<Login> {
  const server = await startScriptedServer(serve);
  const signal = AbortSignal.timeout(deadlineMs);
  const socket = await connectUpstream({ host: '127.0.0.1', port: server.port, tls }, signal);
  cleanUps.push(server.close, () => socket.destroy());
  // Whoever connected may have put it off to read.
  socket.pause();
  const parameters = new Map([
    ['user', user],
    ['database', 'd'],
  ]);
  const scramKeys = new ScramKeyCache(8, frozenClock().now);
  const session = logIn({ socket, parameters, password, scramKeys, signal });
  session.catch(() => undefined);
  return { server, socket, signal, session };
}

export const says =
  (answer: string | Buffer): Step =>
  () =>
    answer;

/** A server that knows the password, up to AuthenticationOk and what follows it. */
export function scramSteps(server = new ScramServer(password)): readonly [Step, Step, Step] {
  return [
    says(sasl),
    (body) => saslContinue(server.serverFirst(body)),
    (body) => Buffer.concat([saslFinal(server.serverFinal(body) ?? 'e=invalid-proof'), greeting]),
  ];
}
