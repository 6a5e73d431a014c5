import { readFileSync } from 'node:fs';
import { Option } from 'commander';
import type { Command } from 'commander';
import { parseJson } from '../base/json.js';
import type { ClientWithSecret, NewClient, RegisteredClient } from '../issuer/clients/client-registry.js';
import { RegistryError } from '../issuer/registry-error.js';
import { clientAuthMethods, grantTypes } from '../issuer/store/schema.js';
import type { ClientAuthMethod, GrantType, PublicJwks } from '../issuer/store/schema.js';
import { json, lines, print } from './command-output.js';
import type { OutputOptions, WithAdministration } from './command-output.js';

interface AddOptions extends OutputOptions {
  readonly scope: string[];
  readonly server?: string[];
  readonly grant?: GrantType[];
  readonly authMethod?: ClientAuthMethod;
  readonly redirectUri?: string[];
  readonly postLogoutRedirectUri?: string[];
  readonly jwks?: string;
  readonly rotateRefreshTokens?: true;
  readonly refreshLeeway?: string;
}

/** `clients add|list|remove|rotate-secret|enable|disable`. */
export function addClientCommands(program: Command, withAdministration: WithAdministration): void {
  const clients = program.command('clients').description('Programs that may get tokens.');
  addAdd(clients, withAdministration);
  clients
    .command('list')
    .option(...json)
    .description('Shows every client, without secrets.')
    .action((options: OutputOptions) =>
      withAdministration(async (administration) => {
        const list = (await administration.run('clients.list')).map(flat);
        print({ clients: list }, options, (shown) => lines(shown.clients, describe, 'no clients yet'));
      }),
    );
  addChange(clients, 'remove', 'clients.remove', 'Deletes a client; its tokens are inactive from now on.');
  addChange(clients, 'enable', 'clients.enable', 'Lets a disabled client in again.');
  addChange(clients, 'disable', 'clients.disable', 'Gives it no tokens; those it has are inactive.');
  clients
    .command('rotate-secret')
    .argument('<client_id>')
    .option(...json)
    .description('Gives a client a new secret and shows it, this once; the old one is void.')
    .action((clientId: string, options: OutputOptions) =>
      withAdministration(async (administration) => {
        const client = await administration.run('clients.rotateSecret', clientId);
        print(flatWithSecret(client), options, describeSecret);
      }),
    );

  function addChange(
    parent: Command,
    name: string,
    operation: 'clients.remove' | 'clients.enable' | 'clients.disable',
    description: string,
  ): void {
    parent
      .command(name)
      .argument('<client_id>')
      .option(...json)
      .description(description)
      .action((clientId: string, options: OutputOptions) =>
        withAdministration(async (administration) => {
          const client = await administration.run(operation, clientId);
          print(flat(client), options, (shown) => `${name}d ${describe(shown)}`);
        }),
      );
  }
}

function addAdd(clients: Command, withAdministration: WithAdministration): void {
  clients
    .command('add')
    .argument('<name>', 'what people call it')
    .requiredOption('--scope <scope...>', 'what it may ask for; repeatable')
    .option('--server <id...>', 'authorization servers it may ask; default and org unless named')
    .addOption(new Option('--grant <grant...>', 'how it may get tokens').choices(grantTypes))
    .addOption(new Option('--auth-method <method>', 'how it authenticates').choices(clientAuthMethods))
    .option('--redirect-uri <uri...>', 'where authorization codes may go')
    .option('--post-logout-redirect-uri <uri...>', 'where people may go after signing out')
    .option('--jwks <file>', 'its public keys as a JWK Set, for private_key_jwt')
    .option('--rotate-refresh-tokens', 'make each refresh token good for one use')
    .option('--refresh-leeway <seconds>', 'how long a rotated refresh token is still taken: 0 to 60')
    .option(...json)
    .description('Makes a client and shows its secret, this once.')
    .action((name: string, options: AddOptions) =>
      withAdministration(async (administration) => {
        const client = await administration.run('clients.add', toNewClient(name, options));
        print(flatWithSecret(client), options, describeSecret);
      }),
    );
}

function toNewClient(name: string, options: AddOptions): NewClient {
  const { scope, server, grant, authMethod, redirectUri, postLogoutRedirectUri, jwks, refreshLeeway } =
    options;
  return {
    name,
    scopes: scope,
    ...(server && { access: Object.fromEntries(server.map((id) => [id, scope])) }),
    ...(grant && { grants: grant }),
    ...(authMethod && { authMethod }),
    ...(redirectUri && { redirectUris: redirectUri }),
    ...(postLogoutRedirectUri && { postLogoutRedirectUris: postLogoutRedirectUri }),
    ...(jwks !== undefined && { jwks: readJwks(jwks) }),
    ...(options.rotateRefreshTokens && { refreshRotation: 'ROTATE' as const }),
    ...(refreshLeeway !== undefined && { refreshLeewaySeconds: Number(refreshLeeway) }),
  };
}

function readJwks(file: string): PublicJwks {
  const value = parseJson(readText(file)) as Partial<PublicJwks> | undefined;
  if (!Array.isArray(value?.keys)) throw new RegistryError(`${file} is no JWK Set: {"keys":[…]}`);
  return { keys: value.keys as PublicJwks['keys'] };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new RegistryError(`${file} can't be read: ${(error as Error).message}`);
  }
}

/** What is shown of a client. */
function flat({ client_id, client_name, scopes, client_id_issued_at, status }: RegisteredClient) {
  return { client_id, client_name, scopes, client_id_issued_at, status };
}

function flatWithSecret(client: ClientWithSecret) {
  const { client_secret } = client;
  return { ...flat(client), ...(client_secret === '' ? {} : { client_secret }) };
}

function describe({ client_id, client_name, scopes, status }: ReturnType<typeof flat>): string {
  return `${client_id}  ${client_name}  [${scopes.join(' ')}]${status === 'ACTIVE' ? '' : '  disabled'}`;
}

function describeSecret(client: ReturnType<typeof flatWithSecret>): string {
  const { client_secret } = client;
  return client_secret === undefined
    ? describe(client)
    : `${describe(client)}\nsecret, shown this once: ${client_secret}`;
}
