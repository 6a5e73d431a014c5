import { SetupError, exitConfig } from '../base/setup-error.js';
import { describeMistakes } from './setting.js';
import type { SettingMistake, SettingsOutcome } from './setting.js';

/**
 * The values, for a program that is running already.
 *
 * @throws SetupError with every mistake
 */
export function valuesOrThrow<T>(settings: SettingsOutcome<T>): T {
  if (settings.ok) return settings.value;
  throw new SetupError(describeMistakes(settings.mistakes));
}

/** Tells every mistake at once on standard error and what to do next, and sets the exit code. */
export function reportMistakes(mistakes: readonly SettingMistake[], advice: string): void {
  process.exitCode = exitConfig;
  process.stderr.write(`${describeMistakes(mistakes)}\n${advice}\n`);
}
