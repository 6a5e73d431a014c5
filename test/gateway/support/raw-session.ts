import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { passwordMessage, sslRequest, startupMessage } from '../../../src/gateway/wire/frontend-writers.js';
import { inSeconds, signToken } from './gateway.js';
import type { TestGateway } from './gateway.js';
import { RawClient } from './raw-client.js';
import type { RawMessage } from './raw-client.js';

/** A session that is read message by message. */
export interface RawSession {
  readonly client: RawClient;
  readonly processId: number;
  readonly secret: Buffer;
  /** From AuthenticationOk to ReadyForQuery. */
  readonly greeting: readonly RawMessage[];
}

/** The startup message of `alice`, with these parameters and protocol 3.minor. */
export function startupOf(
  { database }: TestGateway,
  parameters: Readonly<Record<string, string>> = {},
  minor = 0,
): Buffer {
  const message = startupMessage(Object.entries({ user: 'alice', database, ...parameters }));
  message.writeInt16BE(minor, 6);
  return message;
}

export function tokenOf({ privateKey }: TestGateway): string {
  return signToken({ sub: 'alice', exp: inSeconds(86_400) }, privateKey);
}

/** Logs `alice` in by an open connection. */
export async function openRawSession(
  gateway: TestGateway,
  client: RawClient,
  startup = startupOf(gateway),
): Promise<RawSession> {
  client.socket.write(startup);
  await client.readUntil('R');
  client.socket.write(passwordMessage(tokenOf(gateway)));
  const greeting = await client.readUntil('Z');
  const key = greeting.find(({ type }) => type === 'K');
  if (key === undefined) throw new Error('there was no BackendKeyData');
  return { client, processId: key.body.readInt32BE(0), secret: key.body.subarray(4), greeting };
}

/** What comes next, whatever the bytes. */
export async function answerTo({ socket }: RawClient, request: Buffer): Promise<string> {
  socket.write(request);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString('latin1');
}

/** The client goes on in TLS, by SSLRequest. */
export async function encrypt({ ca }: Pick<TestGateway, 'ca'>, client: RawClient): Promise<RawClient> {
  await answerTo(client, sslRequest());
  const secured = connectTls({ socket: client.socket, ca, servername: 'localhost' });
  await once(secured, 'secureConnect');
  return new RawClient(secured);
}

export async function encryptedClient(gateway: TestGateway): Promise<RawClient> {
  return encrypt(gateway, await RawClient.connect(gateway.port));
}
