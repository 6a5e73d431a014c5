import { chmodSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { SetupError } from '../../base/setup-error.js';
import { RegistryError } from '../clients/client-registry.js';
import type { ClientRegistry } from '../clients/client-registry.js';

/**
 * An embedded database belongs to one process. While the issuer has it open, commands reach the registry through a
 * Unix socket in the database's folder, which only the user who owns the folder can open.
 */
export type Registry = Pick<ClientRegistry, 'add' | 'list' | 'remove' | 'rotateSecret'>;

const operations = ['add', 'list', 'remove', 'rotateSecret'] as const satisfies (keyof Registry)[];
type Operation = (typeof operations)[number];

const maxRequestBytes = 64 * 1024;
/** A list of some ten thousand clients. */
const maxAnswerBytes = 16 * 1024 * 1024;
const timeoutMs = 10_000;

function socketOf(folder: string): string {
  return join(folder, 'registry.sock');
}

/** @returns what ends it */
export async function serveRegistry(
  registry: Registry,
  folder: string,
  logger: Logger,
): Promise<() => Promise<void>> {
  const path = socketOf(folder);
  // Left by a process that was killed: the lock of the folder says that it is gone.
  rmSync(path, { force: true });
  const server = createServer((incoming, response) => void answer(registry, incoming, response));
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
  registry: Registry,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const operation = operations.find((name) => incoming.url === `/${name}`);
    if (operation === undefined) throw new RegistryError('unknown command');
    send(
      response,
      200,
      await carryOut(registry, operation, JSON.parse(await read(incoming, maxRequestBytes))),
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : 'failed';
    send(response, error instanceof RegistryError ? 400 : 500, { message });
  }
}

function carryOut(registry: Registry, operation: Operation, argument: unknown): Promise<unknown> {
  switch (operation) {
    case 'add':
      return registry.add(argument as Parameters<Registry['add']>[0]);
    case 'list':
      return registry.list();
    case 'remove':
      return registry.remove(String(argument));
    case 'rotateSecret':
      return registry.rotateSecret(String(argument));
  }
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

/** The registry of the issuer that has the folder open. */
export function connectRegistry(folder: string): Registry {
  const call = (operation: Operation, argument: unknown = null): Promise<unknown> =>
    callSocket(socketOf(folder), operation, argument);
  return {
    add: (client) => call('add', client) as ReturnType<Registry['add']>,
    list: () => call('list') as ReturnType<Registry['list']>,
    remove: (clientId) => call('remove', clientId) as ReturnType<Registry['remove']>,
    rotateSecret: (clientId) => call('rotateSecret', clientId) as ReturnType<Registry['rotateSecret']>,
  };
}

async function callSocket(socketPath: string, operation: Operation, argument: unknown): Promise<unknown> {
  const sent = request({ socketPath, path: `/${operation}`, method: 'POST', timeout: timeoutMs });
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
