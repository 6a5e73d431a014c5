import type { Socket } from 'node:net';
import { backendKeyOf, errorFieldsOf } from '../wire/backend-reader.js';
import type { BackendKey } from '../wire/backend-reader.js';
import { startupMessage } from '../wire/frontend-writers.js';
import { ProtocolViolation } from '../wire/protocol-violation.js';
import { authenticate } from './authentication.js';
import type { AuthenticationMethod } from './authentication.js';
import { BackendInbox } from './backend-inbox.js';
import type { BackendMessage } from './backend-inbox.js';
import type { ScramKeyCache } from './scram-keys.js';
import { logText } from './socket-watch.js';
import { UpstreamError } from './upstream-error.js';

export interface LogInOptions {
  /** As from connectUpstream, with nothing read from it. */
  readonly socket: Socket;
  /** Everything of the StartupMessage, in order; `user` is the role that is logged in with. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The gateway's own password for that role; undefined when it has none. */
  readonly password: string | undefined;
  readonly scramKeys: ScramKeyCache;
  /** The weakest method that is taken part in. Default `none`, as in libpq; `password` needs TLS in any case. */
  readonly minimumAuthentication?: AuthenticationMethod;
  /** The deadline of the whole login. */
  readonly signal: AbortSignal;
}

export interface UpstreamSession {
  /** For CancelRequest; undefined with a server that gives none. */
  readonly backendKey: BackendKey | undefined;
  /**
   * What the client is to get behind AuthenticationOk and a BackendKeyData of the gateway's own: ParameterStatus and
   * NoticeResponse messages, then ReadyForQuery, as received.
   */
  readonly greeting: Buffer;
  /** What was received behind ReadyForQuery. */
  readonly rest: Buffer;
}

/** Of ParameterStatus and NoticeResponse together; a server sends some 400. */
const maxGreetingBytes = 65_536;

/**
 * Logs in and reads on to ReadyForQuery. The socket is paused then and has no listeners of the login any more; it is
 * destroyed when the login fails.
 *
 * @throws UpstreamError `relayed` with the server's own message for an error behind AuthenticationOk; before it
 *   `refused` (its words are for the log alone), `untrusted`, `protocol`, `unreachable`, `timeout` and `aborted`
 * @see PostgreSQL documentation, section 55.2.1
 */
export async function logIn(options: LogInOptions): Promise<UpstreamSession> {
  const { socket, parameters, password, scramKeys, minimumAuthentication = 'none', signal } = options;
  const role = parameters.get('user') ?? '';
  const inbox = new BackendInbox(socket, signal);
  try {
    socket.write(startupMessage(parameters));
    await authenticate(socket, inbox, { role, password, scramKeys, minimum: minimumAuthentication });
    return { ...(await readGreeting(inbox)), rest: inbox.detach() };
  } catch (error) {
    inbox.detach();
    socket.destroy();
    throw asUpstreamError(error);
  }
}

async function readGreeting(inbox: BackendInbox): Promise<Pick<UpstreamSession, 'backendKey' | 'greeting'>> {
  const messages: Buffer[] = [];
  let backendKey: BackendKey | undefined;
  let room = maxGreetingBytes;
  for (;;) {
    const message = await inbox.nextMessage();
    if (message.type === 'E') throw relayed(message);
    if (message.type === 'K') backendKey = backendKeyOf(message.body);
    else messages.push(greetingMessage(message));
    room -= message.length;
    if (message.type === 'Z') return { backendKey, greeting: Buffer.concat(messages) };
    if (room < 0) throw new ProtocolViolation('the upstream does not come to an end with its greeting');
  }
}

/** ParameterStatus, NoticeResponse and ReadyForQuery: there is nothing else that a login ends with. */
function greetingMessage({ type, bytes }: BackendMessage): Buffer {
  if (type === 'S' || type === 'N' || type === 'Z') return bytes;
  throw new ProtocolViolation('the upstream sends a message that does not belong to a login');
}

function relayed({ body, bytes }: BackendMessage): UpstreamError {
  const fields = errorFieldsOf(body);
  const code = fields.get('C') ?? '';
  const text = logText(`${code} ${fields.get('M') ?? ''}`);
  const sqlState = /^[0-9A-Z]{5}$/.test(code) ? { sqlState: code } : {};
  return new UpstreamError('relayed', `the upstream ends the login: ${text}`, {
    response: bytes,
    ...sqlState,
  });
}

function asUpstreamError(error: unknown): unknown {
  if (!(error instanceof ProtocolViolation)) return error;
  const { message, sqlState } = error;
  return new UpstreamError('protocol', `from the upstream: ${message}`, { sqlState, cause: error });
}
