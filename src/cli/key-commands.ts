import { Option } from 'commander';
import type { Command } from 'commander';
import type { KeyInfo } from '../issuer/keys/key-registry.js';
import { signingAlgorithms } from '../issuer/store/schema.js';
import type { SigningAlgorithm } from '../issuer/store/schema.js';
import { json, lines, print } from './command-output.js';
import type { OutputOptions, WithAdministration } from './command-output.js';

/** `keys list|rotate|remove`. */
export function addKeyCommands(program: Command, withAdministration: WithAdministration): void {
  const keys = program.command('keys').description('What tokens are signed with.');
  keys
    .command('list')
    .option(...json)
    .description('Shows every key that is served.')
    .action((options: OutputOptions) =>
      withAdministration(async (administration) => {
        print({ keys: await administration.run('keys.list') }, options, describeAll);
      }),
    );
  keys
    .command('rotate')
    .addOption(new Option('--algorithm <alg>', 'only the keys of this algorithm').choices(signingAlgorithms))
    .option(...json)
    .description(
      'Signs with the next key from now on; the old one is served until its last token has expired.',
    )
    .action(({ algorithm, ...options }: OutputOptions & { algorithm?: SigningAlgorithm }) =>
      withAdministration(async (administration) => {
        const rotated = await administration.run('keys.rotate', algorithm === undefined ? {} : { algorithm });
        print({ keys: rotated }, options, describeAll);
      }),
    );
  keys
    .command('remove')
    .argument('<kid>')
    .option(...json)
    .description('Takes a key back at once, with every token that it signed: for a key that leaked.')
    .action((kid: string, options: OutputOptions) =>
      withAdministration(async (administration) => {
        print(await administration.run('keys.remove', kid), options, (key) => `removed ${describe(key)}`);
      }),
    );
}

function describeAll({ keys }: { readonly keys: readonly KeyInfo[] }): string {
  return lines(keys, describe, 'no keys yet: the issuer makes them when it starts');
}

function describe({ kid, algorithm, state, served_until }: KeyInfo): string {
  return `${kid}  ${algorithm}  ${state}${served_until === null ? '' : ` until ${served_until}`}`;
}
