import { chmodSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { SetupError } from '../../base/setup-error.js';
import { RegistryError } from '../registry-error.js';
import { operations } from './administration.js';
import type { Administration, OperationName } from './administration.js';

const maxRequestBytes = 64 * 1024;
/** A list of some ten thousand clients. */
const maxAnswerBytes = 16 * 1024 * 1024;
const timeoutMs = 10_000;

function socketOf(folder: string): string {
  return join(folder, 'registry.sock');
}

/**
 * An embedded database belongs to one process. While the issuer has it open, commands reach the registries through a
 * Unix socket in the database's folder, which only the user who owns the folder can open.
 *
 * @returns what ends it
 */
export async function serveAdministration(
  administration: Administration,
  folder: string,
  logger: Logger,
): Promise<() => Promise<void>> {
  const path = socketOf(folder);
  // Left by a process that was killed: the lock of the folder says that it is gone.
  rmSync(path, { force: true });
  const server = createServer((incoming, response) => void answer(administration, incoming, response));
  server.listen(path);
  try {
    await once(server, 'listening');
    chmodSync(path, 0o600);
  } catch (error) {
    // A path longer than the system allows, for example. The issuer itself works all the same.
    logger.warn({ err: error }, 'commands will not reach this issuer while it runs: no socket in its folder');
  }
  return async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
}

async function answer(
  administration: Administration,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const name = (incoming.url ?? '').slice(1);
    if (!isOperation(name)) throw new RegistryError('unknown command');
    const argument = JSON.parse(await read(incoming, maxRequestBytes)) as never;
    send(response, 200, await administration.run(name, argument));
  } catch (error) {
    const message = error instanceof Error ? error.message : 'failed';
    send(response, error instanceof RegistryError ? 400 : 500, { message });
  }
}

function isOperation(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function read(message: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new RegistryError(`longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** The administration of the issuer that has the folder open. */
export function connectAdministration(folder: string): Administration {
  return {
    run: (name, argument) => callSocket(socketOf(folder), name, argument ?? null) as Promise<never>,
  };
}

async function callSocket(socketPath: string, name: OperationName, argument: unknown): Promise<unknown> {
  const sent = request({ socketPath, path: `/${name}`, method: 'POST', timeout: timeoutMs });
  sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  sent.end(JSON.stringify(argument));
  const [response] = (await once(sent, 'response').catch((error: unknown) => {
    throw new SetupError(
      `the issuer that has the database open can't be reached: ${(error as Error).message}`,
    );
  })) as [IncomingMessage];
  const value = JSON.parse(await read(response, maxAnswerBytes)) as { message?: string };
  if (response.statusCode === 200) return value;
  throw new RegistryError(value.message ?? 'failed');
}
