import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { errorText } from '../base/error-text.js';
import { accept } from '../base/outcome.js';
import type { Accepted } from '../base/outcome.js';

/** One row of a settings table: everything there is to say about one environment variable. */
export interface Setting<T> {
  /** The variable: `OKTA_ISSUER`. `OKTA_ISSUER_FILE` names a file that holds the value instead. */
  readonly name: string;
  /** From the text in the environment to the typed value; its messages say what was expected. */
  readonly schema: z.ZodType<T, string>;
  /** The text that stands for an absent variable; without one the variable is required. */
  readonly fallback?: string;
  /** One line for people: what it does, with the unit. */
  readonly meaning: string;
  /** A secret's value appears in no message. */
  readonly secret?: true;
}

export type SettingsTable = Readonly<Record<string, Setting<unknown>>>;

export type SettingsOf<Table extends SettingsTable> = {
  readonly [Key in keyof Table]: Table[Key] extends Setting<infer T> ? T : never;
};

export interface SettingMistake {
  readonly name: string;
  /** What is wrong and what was expected. */
  readonly problem: string;
}

export type SettingsOutcome<T> =
  Accepted<T> | { readonly ok: false; readonly mistakes: readonly SettingMistake[] };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Keeps each row's own type while checking that it is a row. */
export function setting<T>(row: Setting<T>): Setting<T> {
  return row;
}

/**
 * Reads every row of the table and reports all mistakes together, never only the first.
 *
 * @param together finds mistakes that only show in several settings at once, among those that could be read
 */
export function readSettings<Table extends SettingsTable>(
  table: Table,
  environment: Environment,
  together: (values: Partial<SettingsOf<Table>>) => readonly SettingMistake[] = () => [],
): SettingsOutcome<SettingsOf<Table>> {
  const mistakes: SettingMistake[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, row] of Object.entries(table)) {
    const read = readSetting(row, environment);
    if ('problem' in read) mistakes.push({ name: row.name, problem: read.problem });
    else values[key] = read.value;
  }
  mistakes.push(...together(values as Partial<SettingsOf<Table>>));
  return mistakes.length > 0 ? { ok: false, mistakes } : accept(values as SettingsOf<Table>);
}

function readSetting(
  row: Setting<unknown>,
  environment: Environment,
): { value: unknown } | { problem: string } {
  const text = textOf(row, environment);
  if ('problem' in text) return text;
  if (text.value === undefined) return { problem: `is required: ${row.meaning}` };
  const parsed = row.schema.safeParse(text.value);
  if (parsed.success) return { value: parsed.data };
  const expected = parsed.error.issues.map((issue) => issue.message).join('; ');
  return { problem: row.secret ? expected : `${expected}, not ${shown(text.value)}` };
}

/** A value for people: quoted, bounded, and without the user and password of a URL. */
function shown(value: string): string {
  return JSON.stringify(value.replace(/\/\/.*@/s, '//…@').slice(0, 200));
}

/** An empty variable or file counts as absent: that is what `NAME=` in a compose file or an env file means. */
function textOf(
  row: Setting<unknown>,
  environment: Environment,
): { value: string | undefined } | { problem: string } {
  const direct = environment[row.name] === '' ? undefined : environment[row.name];
  const file = environment[`${row.name}_FILE`];
  if (file === undefined || file === '') return { value: direct ?? row.fallback };
  if (direct !== undefined) return { problem: `is set together with ${row.name}_FILE; set one of them` };
  try {
    const content = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    return { value: content === '' ? row.fallback : content };
  } catch (error) {
    return { problem: `could not be read from the file named by ${row.name}_FILE: ${errorText(error)}` };
  }
}

/** The message for people, one line a mistake. */
export function describeMistakes(mistakes: readonly SettingMistake[]): string {
  const lines = mistakes.map(({ name, problem }) => `  ${name} ${problem}`);
  return [`${mistakes.length} setting${mistakes.length === 1 ? '' : 's'} to correct:`, ...lines].join('\n');
}
