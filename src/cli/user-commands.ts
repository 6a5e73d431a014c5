import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { RegisteredUser } from '../issuer/users/user-registry.js';
import { RegistryError } from '../issuer/registry-error.js';
import { json, lines, print } from './command-output.js';
import type { OutputOptions, WithAdministration } from './command-output.js';

interface AddOptions extends OutputOptions {
  readonly id?: string;
  readonly name?: string;
  readonly email?: string;
  readonly generatePassword?: true;
}

/** `users add|list|remove`. */
export function addUserCommands(program: Command, withAdministration: WithAdministration): void {
  const users = program.command('users').description('People who can sign in.');
  users
    .command('add')
    .argument('<login>', 'what they sign in with; the sub of their tokens')
    .option('--id <id>', 'the 00u… that they have elsewhere; made up without it')
    .option('--name <name>', 'the claim name')
    .option('--email <email>', 'the claim email')
    .option('--generate-password', 'make a password and show it, this once')
    .option(...json)
    .description('Makes a user; the password is read from standard input, where nobody else sees it.')
    .action((login: string, options: AddOptions) =>
      withAdministration(async (administration) => {
        const password = options.generatePassword
          ? randomBytes(18).toString('base64url')
          : await readPassword();
        const { id, name, email } = options;
        const user = await administration.run('users.add', { id, login, password, name, email });
        const shown = options.generatePassword ? { ...user, password } : user;
        print(shown, options, (made) =>
          'password' in made
            ? `${describe(made)}\npassword, shown this once: ${made.password}`
            : describe(made),
        );
      }),
    );
  users
    .command('list')
    .option(...json)
    .description('Shows every user.')
    .action((options: OutputOptions) =>
      withAdministration(async (administration) => {
        const list = { users: await administration.run('users.list') };
        print(list, options, (shown) => lines(shown.users, describe, 'no users yet'));
      }),
    );
  users
    .command('remove')
    .argument('<login>', 'login or id')
    .option(...json)
    .description('Deletes a user; their tokens are inactive from now on.')
    .action((login: string, options: OutputOptions) =>
      withAdministration(async (administration) => {
        print(
          await administration.run('users.remove', login),
          options,
          (user) => `removed ${describe(user)}`,
        );
      }),
    );
}

/** A command line is seen by everybody on the machine and kept in histories. */
async function readPassword(): Promise<string> {
  if (process.stdin.isTTY)
    throw new RegistryError('give the password on standard input, or use --generate-password');
  return (await text(process.stdin)).replace(/\r?\n$/, '');
}

function describe({ id, login, name, email }: RegisteredUser): string {
  return [id, login, name, email].filter((part) => part !== null).join('  ');
}
