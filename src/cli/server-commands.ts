import { Option } from 'commander';
import type { Command } from 'commander';
import type { RegisteredServer } from '../issuer/servers/server-registry.js';
import { signingAlgorithms } from '../issuer/store/schema.js';
import type { SigningAlgorithm } from '../issuer/store/schema.js';
import { json, lines, print } from './command-output.js';
import type { OutputOptions, WithAdministration } from './command-output.js';

interface AddOptions extends OutputOptions {
  readonly audience: string;
  readonly algorithm?: SigningAlgorithm;
  readonly accessTokenSeconds?: string;
  readonly scope?: string[];
  readonly defaultScope?: string[];
}

/** `servers add|list|remove`. */
export function addServerCommands(program: Command, withAdministration: WithAdministration): void {
  const servers = program.command('servers').description('Authorization servers: /oauth2/{id}.');
  servers
    .command('add')
    .argument('<id>', 'the last segment of its issuer')
    .requiredOption('--audience <audience>', 'the aud of its tokens, such as api://orders')
    .addOption(new Option('--algorithm <alg>', 'what it signs with').choices(signingAlgorithms))
    .option('--access-token-seconds <seconds>', 'life of its access tokens, 300 to 86400')
    .option('--scope <scope...>', 'scopes that it knows; those of clients are added by themselves')
    .option('--default-scope <scope...>', 'scopes for clients that may have them and ask for none')
    .option(...json)
    .description('Makes an authorization server; an issuer that runs serves it at once.')
    .action((id: string, options: AddOptions) =>
      withAdministration(async (administration) => {
        const { audience, algorithm, accessTokenSeconds: seconds, scope: scopes, defaultScope } = options;
        const accessTokenSeconds = seconds === undefined ? undefined : Number(seconds);
        const server = { id, audience, algorithm, accessTokenSeconds, scopes, defaultScopes: defaultScope };
        print(await administration.run('servers.add', server), options, describe);
      }),
    );
  servers
    .command('list')
    .option(...json)
    .description('Shows every authorization server.')
    .action((options: OutputOptions) =>
      withAdministration(async (administration) => {
        const list = { servers: await administration.run('servers.list') };
        print(list, options, (shown) => lines(shown.servers, describe, 'no servers'));
      }),
    );
  servers
    .command('remove')
    .argument('<id>')
    .option(...json)
    .description('Deletes an authorization server and what clients could do there.')
    .action((id: string, options: OutputOptions) =>
      withAdministration(async (administration) => {
        print(
          await administration.run('servers.remove', id),
          options,
          (server) => `removed ${describe(server)}`,
        );
      }),
    );
}

function describe({ id, audience, algorithm, scopes }: RegisteredServer): string {
  return `${id}  ${audience}  ${algorithm}  [${scopes.join(' ')}]`;
}
