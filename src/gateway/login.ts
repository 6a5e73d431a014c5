import type { Socket } from 'node:net';
import type { VerifiedToken } from '../token/principal.js';
import { LoginCutOff } from './client-inbox.js';
import type { ClientInbox } from './client-inbox.js';
import type { ConnectDecisions } from './connect-decision.js';
import type { LoginFacts } from './login-facts.js';
import type { TokenAuthenticator } from './credentials/token-authenticator.js';
import { LoginRefused, refusalOf } from './login-refusal.js';
import type { TokenMethod } from './presented-token.js';
import { passedOn } from './upstream/authentication.js';
import type { AuthenticationMethod } from './upstream/authentication.js';
import type { SpareConnection } from './upstream/spare-connection.js';
import { connectUpstream } from './upstream/upstream-connection.js';
import type { UpstreamOptions } from './upstream/upstream-connection.js';
import { UpstreamError } from './upstream/upstream-error.js';
import { logIn } from './upstream/upstream-login.js';
import type { UpstreamSession } from './upstream/upstream-login.js';
import type { ScramKeyCache } from './upstream/scram-keys.js';
import { negotiateProtocolVersion } from './wire/backend-messages.js';
import type { StartupMessage } from './wire/startup-message.js';
import { readStartupOptions } from './wire/startup-options.js';
import type { StartupOptions } from './wire/startup-options.js';
import { showSubject } from './shown-subject.js';

export interface LoginParts {
  readonly authenticator: TokenAuthenticator;
  readonly method: TokenMethod;
  readonly decisions: ConnectDecisions;
  readonly upstream: UpstreamOptions;
  readonly spare: SpareConnection;
  /** Of every role; undefined where the server asks for none. */
  readonly upstreamPassword: string | undefined;
  readonly scramKeys: ScramKeyCache;
  /** The weakest method by which the gateway logs in to the server. */
  readonly minimumAuthentication: AuthenticationMethod;
  readonly requireTls: boolean;
  /** `none`, `application_name` or the name of a setting. */
  readonly subjectIn: string;
}

/** Who wants in, from where. */
export interface LoginRequest {
  readonly startup: StartupMessage;
  readonly isEncrypted: boolean;
  readonly address: string;
  readonly inbox: ClientInbox;
  readonly write: (bytes: Buffer) => void;
  readonly signal: AbortSignal;
  /** Called with what becomes known on the way, for the record of a login that fails later. */
  readonly learn: (known: Partial<LoginFacts>) => void;
}

interface AtServer {
  readonly socket: Socket;
  readonly session: UpstreamSession;
}

/** Logged in at the server; the client does not know yet. */
export interface LoggedIn extends AtServer {
  readonly token: VerifiedToken;
}

const plaintextAnswer = {
  severity: 'FATAL',
  sqlState: '28000',
  message: 'this server requires TLS: a token must not travel in plain text',
  hint: 'Set sslmode=require, or better verify-full, in the connection string.',
} as const;

/**
 * From the startup message to a session at the server: token, principal, decision, login upstream.
 *
 * @throws LoginRefused with what the client is to be told; ProtocolViolation, ClientGone, LoginCutOff
 */
export async function logInByToken(request: LoginRequest, parts: LoginParts): Promise<LoggedIn> {
  const { startup, write, inbox, isEncrypted } = request;
  const options = readStartupOptions(startup.parameters.get('options') ?? '');
  if (startup.minor > 0 || startup.unknownProtocolOptions.length > 0)
    write(negotiateProtocolVersion(0, startup.unknownProtocolOptions));
  if (parts.requireTls && !isEncrypted)
    throw new LoginRefused('plaintext', 'TLS is required', plaintextAnswer);
  const tokenValue = await parts.method.ask(write, inbox);
  const { token, role } = await admit(request, options, tokenValue, parts);
  const parameters = upstreamParameters(
    startup,
    options,
    role,
    showSubject(parts.subjectIn, token.principal.sub),
  );
  const atServer = logInUpstream(parameters, request, parts);
  try {
    return { token, ...(await inbox.during(atServer)) };
  } catch (error) {
    // The time is over for both sides, and it is the server that was waited for.
    if (error instanceof LoginCutOff && error.isTimeout) return { token, ...(await atServer) };
    // The client has gone meanwhile, and nobody is there to have what may still come.
    atServer.then(
      ({ socket }) => socket.destroy(),
      () => undefined,
    );
    throw error;
  }
}

async function admit(
  request: LoginRequest,
  options: StartupOptions,
  tokenValue: string,
  { authenticator, decisions, method }: LoginParts,
): Promise<{ token: VerifiedToken; role: string }> {
  const { startup, write, inbox, learn, isEncrypted: tls, address } = request;
  const user = startup.parameters.get('user') ?? '';
  const words = { user, wantsCockroachErrors: options.wantsCockroachErrors, failure: method.failure };
  const began = performance.now();
  const verified = await inbox.during(authenticator.authenticate(tokenValue));
  const verifiedAt = performance.now();
  learn({ tokenMs: verifiedAt - began });
  if (!verified.ok) {
    await method.refused(write, inbox);
    throw refusalOf(verified.code, verified.reason, words);
  }
  const token = verified.value;
  learn({ token });
  const database = startup.parameters.get('database') ?? user;
  const { application_name: applicationName = '', ...settings } = settingsAskedFor(startup, options);
  const asked = { user, database, applicationName, options: settings };
  const decision = await inbox.during(
    decisions.decide({ ...asked, client: { address, tls }, tokenValue }, token),
  );
  learn({ policyMs: performance.now() - verifiedAt });
  if (!decision.ok) throw refusalOf(decision.code, decision.reason, words);
  const { role, reason } = decision.value;
  learn({ role, reason });
  return { token, role };
}

/** Only in this spelling. */
const notSettings: ReadonlySet<string> = new Set(['user', 'database', 'options']);

/**
 * Settings come as parameters of their own and in `options`; PostgreSQL reads both without regard to case, and applies
 * `options` first (process_startup_options).
 */
function settingsAskedFor(
  { parameters }: StartupMessage,
  { settings }: StartupOptions,
): Record<string, string> {
  const own = [...parameters].filter(([name]) => !notSettings.has(name));
  return Object.fromEntries([
    ...settings,
    ...own.map(([name, value]) => [name.toLowerCase(), value] as const),
  ]);
}

/** Everything the client sent, but with the role, without CockroachDB's option, and with the subject where it is wanted. */
function upstreamParameters(
  { parameters }: StartupMessage,
  { rest }: StartupOptions,
  role: string,
  addSubject: (parameters: Map<string, string>) => void,
): Map<string, string> {
  const forwarded = new Map(parameters).set('user', role);
  if (rest === '') forwarded.delete('options');
  else forwarded.set('options', rest);
  addSubject(forwarded);
  return forwarded;
}

async function logInUpstream(
  parameters: ReadonlyMap<string, string>,
  { signal }: LoginRequest,
  { upstream, spare, upstreamPassword: password, scramKeys, minimumAuthentication, decisions }: LoginParts,
): Promise<AtServer> {
  const enter = async (socket: Socket): Promise<AtServer> => ({
    socket,
    session: await logIn({ socket, parameters, password, scramKeys, minimumAuthentication, signal }),
  });
  try {
    const atServer =
      (await enterBySpare(spare, signal, enter)) ?? (await enter(await connectUpstream(upstream, signal)));
    if (decisions.allowsSuperusers || !isSuperuser(atServer.session)) return atServer;
    atServer.socket.destroy();
  } catch (error) {
    throw error instanceof UpstreamError ? upstreamRefusal(error) : error;
  }
  throw new LoginRefused('denied', 'the role is a superuser, which only a policy may allow', {
    severity: 'FATAL',
    sqlState: '28000',
    message: 'this role is a superuser, and no policy says who may use it',
  });
}

/**
 * Undefined without a spare connection, with one that had been lost, and with one that the server had no use for when it
 * was made: that says nothing about the server as it is.
 */
async function enterBySpare(
  spare: SpareConnection,
  signal: AbortSignal,
  enter: (socket: Socket) => Promise<AtServer>,
): Promise<AtServer | undefined> {
  const socket = await spare.take(signal);
  if (socket === undefined) return undefined;
  try {
    return await enter(socket);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    if (error.kind === 'unreachable' || passedOn.has(error.sqlState)) return undefined;
    throw error;
  }
}

/** Every server tells it in the greeting (PostgreSQL documentation, section 55.2.7). */
const superuser = Buffer.from('is_superuser\0on\0');

function isSuperuser({ greeting }: UpstreamSession): boolean {
  return greeting.includes(superuser);
}

/** The server's own words only where it has authenticated the gateway; the log has the rest. */
function upstreamRefusal(error: UpstreamError): LoginRefused {
  if (error.response !== undefined)
    return new LoginRefused('upstream_refused', error.message, error.response);
  if (error.kind === 'aborted') return new LoginRefused('gone', error.message, undefined);
  return new LoginRefused('upstream_unavailable', error.message, {
    severity: 'FATAL',
    sqlState: error.sqlState,
    message: 'the database server behind this gateway can not be used now',
  });
}
