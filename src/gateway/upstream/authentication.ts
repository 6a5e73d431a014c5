import { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';
import { authenticationOf, errorFieldsOf } from '../wire/backend-reader.js';
import type { Authentication } from '../wire/backend-reader.js';
import { passwordMessage, saslInitialResponse, saslResponse } from '../wire/frontend-writers.js';
import { ProtocolViolation } from '../wire/protocol-violation.js';
import type { BackendInbox } from './backend-inbox.js';
import { md5Password } from './md5-password.js';
import type { ScramKeyCache } from './scram-keys.js';
import { ScramExchange } from './scram.js';
import { logText } from './socket-watch.js';
import { UpstreamError } from './upstream-error.js';

/** Methods by libpq's names (require_auth), each better than the one before it; `none` is PostgreSQL's `trust`. */
const strengths = { none: 0, password: 1, md5: 2, 'scram-sha-256': 3 } as const;

export type AuthenticationMethod = keyof typeof strengths;

export interface Credentials {
  readonly role: string;
  /** The gateway's own; undefined or empty when it has none, which suffices where the server trusts it. */
  readonly password: string | undefined;
  readonly scramKeys: ScramKeyCache;
  /** The weakest method that is taken part in. */
  readonly minimum: AuthenticationMethod;
}

const scramSha256 = 'SCRAM-SHA-256';

/**
 * SQLSTATEs that a server may tell before it knows who asks: too many connections, and not yet ready. They say to try
 * again later, which a client can do something with.
 */
export const passedOn: ReadonlySet<string> = new Set(['53300', '57P03']);

/**
 * Answers what the server asks for, until and with AuthenticationOk. There is one method to a login: a server that asks
 * again, or that says OK in the middle of SCRAM, before it has proved to know the password, is refused.
 *
 * @throws UpstreamError, ProtocolViolation
 * @see PostgreSQL documentation, sections 55.2.1 (start-up) and 55.3 (SASL)
 */
export async function authenticate(
  socket: Socket,
  inbox: BackendInbox,
  credentials: Credentials,
): Promise<void> {
  const request = await nextAuthentication(inbox);
  switch (request.kind) {
    case 'ok':
      permit('none', credentials);
      return;
    case 'cleartext':
      socket.write(passwordMessage(cleartext(socket, credentials)));
      break;
    case 'md5':
      socket.write(passwordMessage(md5(credentials, request.salt)));
      break;
    case 'sasl':
      await scram(socket, inbox, credentials, request.mechanisms);
      break;
    case 'unsupported':
      throw new UpstreamError('untrusted', `the upstream asks for method ${request.code}: ${advice}`);
    case 'saslContinue':
    case 'saslFinal':
      throw unexpected(request);
  }
  await expectAuthentication(inbox, 'ok');
}

const advice = 'set scram-sha-256, md5 or password in its pg_hba.conf';

/** Whoever listens in, or has put himself in the server's place, would have it. */
function cleartext(socket: Socket, credentials: Credentials): string {
  permit('password', credentials);
  if (socket instanceof TLSSocket) return passwordOf(credentials);
  throw new UpstreamError('untrusted', 'the upstream asks for the password itself, and there is no TLS');
}

function md5(credentials: Credentials, salt: Buffer): string {
  permit('md5', credentials);
  return md5Password(credentials.role, passwordOf(credentials), salt);
}

async function scram(
  socket: Socket,
  inbox: BackendInbox,
  credentials: Credentials,
  mechanisms: readonly string[],
): Promise<void> {
  if (!mechanisms.includes(scramSha256))
    throw new UpstreamError('untrusted', `the upstream has no ${scramSha256}`);
  const { role, scramKeys } = credentials;
  const exchange = new ScramExchange({ role, password: passwordOf(credentials), keys: scramKeys });
  socket.write(saslInitialResponse(scramSha256, exchange.clientFirst()));
  const { data: serverFirst } = await expectAuthentication(inbox, 'saslContinue');
  socket.write(saslResponse(await inbox.during(exchange.clientFinal(serverFirst))));
  const { data: serverFinal } = await expectAuthentication(inbox, 'saslFinal');
  exchange.verifyServerFinal(serverFinal);
}

function permit(method: AuthenticationMethod, { minimum }: Credentials): void {
  if (strengths[method] >= strengths[minimum]) return;
  throw new UpstreamError(
    'untrusted',
    `the upstream asks for ${method}, and ${minimum} is the least that is allowed`,
  );
}

function passwordOf({ password = '' }: Credentials): string {
  if (password !== '') return password;
  throw new UpstreamError('refused', 'the upstream asks for a password, and the gateway has none');
}

async function expectAuthentication<Kind extends Authentication['kind']>(
  inbox: BackendInbox,
  kind: Kind,
): Promise<Extract<Authentication, { kind: Kind }>> {
  const authentication = await nextAuthentication(inbox);
  if (!isOfKind(authentication, kind)) throw unexpected(authentication);
  return authentication;
}

function isOfKind<Kind extends Authentication['kind']>(
  authentication: Authentication,
  kind: Kind,
): authentication is Extract<Authentication, { kind: Kind }> {
  return authentication.kind === kind;
}

async function nextAuthentication(inbox: BackendInbox): Promise<Authentication> {
  const { type, body } = await inbox.nextMessage();
  if (type === 'E') throw refusedLogin(body);
  if (type !== 'R') throw new ProtocolViolation('the upstream answers the login with another message');
  return authenticationOf(body);
}

function refusedLogin(body: Buffer): UpstreamError {
  const fields = errorFieldsOf(body);
  const code = fields.get('C') ?? '';
  const text = logText(`${code} ${fields.get('M') ?? ''}`);
  const message = `the upstream refuses the login: ${text}; look at the gateway's password and at pg_hba.conf`;
  return new UpstreamError('refused', message, passedOn.has(code) ? { sqlState: code } : {});
}

function unexpected({ kind }: Authentication): UpstreamError {
  return new UpstreamError('protocol', `the upstream sends an authentication request out of turn: ${kind}`);
}
