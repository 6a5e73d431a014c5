import type { Command } from 'commander';
import { openRegistry } from '../issuer/admin/open-registry.js';
import type { Registry } from '../issuer/admin/registry-socket.js';
import type { ClientWithSecret, RegisteredClient } from '../issuer/clients/client-registry.js';
import type { IssuerSettings } from '../settings/issuer-settings.js';

interface OutputOptions {
  readonly json?: true;
}

const json = ['--json', 'print one JSON object and nothing else'] as const;

/** `clients add|list|remove|rotate-secret`. */
export function addClientCommands(program: Command, settings: IssuerSettings): void {
  const clients = program.command('clients').description('Programs that may get tokens.');
  clients
    .command('add')
    .argument('<name>', 'what people call it')
    .requiredOption('--scope <scope...>', 'what it may ask for; repeatable')
    .option(...json)
    .description('Makes a client and shows its secret, this once.')
    .action((name: string, options: OutputOptions & { scope: string[] }) =>
      withRegistry(settings, async (registry) => {
        print(await registry.add({ name, scopes: options.scope }), options, describeSecret);
      }),
    );
  clients
    .command('list')
    .option(...json)
    .description('Shows every client, without secrets.')
    .action((options: OutputOptions) =>
      withRegistry(settings, async (registry) => {
        print({ clients: await registry.list() }, options, describeList);
      }),
    );
  clients
    .command('remove')
    .argument('<client_id>')
    .option(...json)
    .description('Deletes a client; its tokens are inactive from now on.')
    .action((clientId: string, options: OutputOptions) =>
      withRegistry(settings, async (registry) => {
        print(await registry.remove(clientId), options, (client) => `removed ${describe(client)}`);
      }),
    );
  clients
    .command('rotate-secret')
    .argument('<client_id>')
    .option(...json)
    .description('Gives a client a new secret and shows it, this once; the old one is void.')
    .action((clientId: string, options: OutputOptions) =>
      withRegistry(settings, async (registry) => {
        print(await registry.rotateSecret(clientId), options, describeSecret);
      }),
    );
}

async function withRegistry(
  settings: IssuerSettings,
  use: (registry: Registry) => Promise<void>,
): Promise<void> {
  const opened = await openRegistry(settings);
  try {
    await use(opened.registry);
  } finally {
    await opened.close();
  }
}

function print<T>(value: T, options: OutputOptions, describeValue: (value: T) => string): void {
  process.stdout.write(`${options.json === true ? JSON.stringify(value) : describeValue(value)}\n`);
}

function describe({ client_id, client_name, scopes }: RegisteredClient): string {
  return `${client_id}  ${client_name}  [${scopes.join(' ')}]`;
}

function describeSecret(client: ClientWithSecret): string {
  return `${describe(client)}\nsecret, shown this once: ${client.client_secret}`;
}

function describeList({ clients }: { clients: readonly RegisteredClient[] }): string {
  return clients.length === 0 ? 'no clients yet' : clients.map(describe).join('\n');
}
