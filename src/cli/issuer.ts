import { Command, CommanderError } from 'commander';
import { SetupError } from '../base/setup-error.js';
import { RegistryError } from '../issuer/registry-error.js';
import { loadEnvironment } from '../settings/environment.js';
import { readIssuerSettings } from '../settings/issuer-settings.js';
import { reportMistakes } from '../settings/report.js';
import { addClientCommands } from './client-commands.js';
import { administrationFor } from './command-output.js';
import { addKeyCommands } from './key-commands.js';
import { addServerCommands } from './server-commands.js';
import { addUserCommands } from './user-commands.js';

/** Exit code of a command that could not be carried out. */
const exitFailed = 1;
/** Exit code of a command that was not understood (sysexits.h: EX_USAGE). */
const exitUsage = 64;

async function run(): Promise<void> {
  const settings = readIssuerSettings(loadEnvironment(process.env, 'app.env'));
  if (!settings.ok) {
    reportMistakes(settings.mistakes, 'Set them as for the issuer itself, in the environment or in app.env.');
    return;
  }
  const program = new Command('issuer').description('Manages the issuer.').exitOverride();
  const withAdministration = administrationFor(settings.value);
  for (const add of [addClientCommands, addUserCommands, addServerCommands, addKeyCommands])
    add(program, withAdministration);
  await program.parseAsync();
}

/** Errors that are the user's to mend are told in one line. */
function report(error: unknown): void {
  if (error instanceof CommanderError) {
    // Its message has been printed; asking for help is no mistake.
    process.exitCode = error.exitCode === 0 ? 0 : exitUsage;
    return;
  }
  if (!(error instanceof SetupError || error instanceof RegistryError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof SetupError ? error.exitCode : exitFailed;
}

try {
  await run();
} catch (error) {
  report(error);
}
