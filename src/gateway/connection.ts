import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { errorText } from '../base/error-text.js';
import { readArrival } from './arrival.js';
import type { Channel } from './arrival.js';
import { ClientGone, LoginCutOff } from './client-inbox.js';
import { logInByToken } from './login.js';
import type { LoggedIn, LoginParts } from './login.js';
import type { LoginFacts } from './login-facts.js';
import { LoginRefused } from './login-refusal.js';
import { errorResponse } from './wire/backend-messages.js';
import { ProtocolViolation } from './wire/protocol-violation.js';
import type { StartupMessage } from './wire/startup-message.js';

/** What became of a connection before it was a session. */
export type Admission =
  | { readonly kind: 'session'; readonly loggedIn: LoggedIn; readonly client: Socket; readonly ahead: Buffer }
  | { readonly kind: 'cancel'; readonly processId: number; readonly secret: Buffer }
  | { readonly kind: 'refused'; readonly refusal: LoginRefused };

export interface AdmissionOptions {
  readonly parts: LoginParts;
  readonly secureContext: () => SecureContext | undefined;
  readonly address: string;
  /** The deadline of the whole login, and the end of the gateway. */
  readonly signal: AbortSignal;
}

/** Takes one accepted connection to a session at the server, a cancel request, or a refusal that was told. Never throws. */
export async function admitConnection(
  socket: Socket,
  { parts, secureContext, address, signal }: AdmissionOptions,
): Promise<{ readonly admission: Admission; readonly facts: LoginFacts }> {
  const channel: Channel = { socket, isEncrypted: false };
  let facts: LoginFacts = { decisionId: randomUUID(), isEncrypted: false };
  try {
    const arrival = await readArrival(channel, secureContext, signal);
    if (arrival.kind === 'cancel') return { admission: arrival, facts };
    facts = { ...facts, isEncrypted: channel.isEncrypted, ...namesIn(arrival.startup) };
    const loggedIn = await logInByToken(
      {
        ...arrival,
        address,
        signal,
        write: (bytes) => void channel.socket.write(bytes),
        learn: (known) => {
          facts = { ...facts, ...known };
        },
      },
      parts,
    );
    const ahead = arrival.inbox.detach();
    return { admission: { kind: 'session', loggedIn, client: arrival.socket, ahead }, facts };
  } catch (error) {
    const refusal = toRefusal(error);
    tell(channel.socket, refusal);
    return { admission: { kind: 'refused', refusal }, facts: { ...facts, isEncrypted: channel.isEncrypted } };
  }
}

function namesIn({ parameters }: StartupMessage): { readonly user: string; readonly database: string } {
  return { user: parameters.get('user') ?? '', database: parameters.get('database') ?? '' };
}

function toRefusal(error: unknown): LoginRefused {
  if (error instanceof LoginRefused) return error;
  if (error instanceof ClientGone) return new LoginRefused('gone', error.message, undefined);
  if (error instanceof ProtocolViolation)
    return fatal('malformed', error.message, error.sqlState, error.message);
  if (error instanceof LoginCutOff) return cutOff(error);
  // One connection's unexpected fault ends that connection.
  return fatal('malformed', `unexpected: ${errorText(error)}`, 'XX000', 'internal error of the gateway');
}

/** PostgreSQL has the same code for a server that stops. */
function cutOff(error: LoginCutOff): LoginRefused {
  return error.isTimeout
    ? fatal('timeout', error.message, '57P03', 'the login was not completed in time')
    : fatal('shutdown', error.message, '57P03', 'the gateway is stopping');
}

function fatal(
  outcome: LoginRefused['outcome'],
  reason: string,
  sqlState: string,
  message: string,
): LoginRefused {
  return new LoginRefused(outcome, reason, { severity: 'FATAL', sqlState, message });
}

/** How long a client may take to read why it is refused, in milliseconds. */
const readingMs = 1_000;

function tell(socket: Socket, { answer }: LoginRefused): void {
  if (answer === undefined || socket.destroyed) {
    socket.destroy();
    return;
  }
  // What it still sends is thrown away: unread bytes would turn the end into a reset, and the answer would be lost.
  socket.resume();
  socket.end(Buffer.isBuffer(answer) ? answer : errorResponse(answer));
  const timer = setTimeout(() => socket.destroy(), readingMs);
  socket
    .once('end', () => socket.destroy())
    .once('close', () => {
      clearTimeout(timer);
    });
}
