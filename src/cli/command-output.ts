import { openAdministration } from '../issuer/admin/open-administration.js';
import type { Administration } from '../issuer/admin/administration.js';
import type { IssuerSettings } from '../settings/issuer-settings.js';

export interface OutputOptions {
  readonly json?: true;
}

/** The option that every command has. */
export const json = ['--json', 'print one JSON object and nothing else'] as const;

/** What a command needs: the administration, for as long as it works. */
export type WithAdministration = (work: (administration: Administration) => Promise<void>) => Promise<void>;

export function administrationFor(settings: IssuerSettings): WithAdministration {
  return async (work) => {
    const opened = await openAdministration(settings);
    try {
      await work(opened.administration);
    } finally {
      await opened.close();
    }
  };
}

/** On standard output: one JSON object, or text for people. */
export function print<T>(value: T, options: OutputOptions, describe: (value: T) => string): void {
  process.stdout.write(`${options.json === true ? JSON.stringify(value) : describe(value)}\n`);
}

/** One line each, or a word for none. */
export function lines<T>(items: readonly T[], describe: (item: T) => string, none: string): string {
  return items.length === 0 ? none : items.map(describe).join('\n');
}
