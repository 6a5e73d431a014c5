import { exitConfig } from '../base/setup-error.js';
import { describeMistakes } from './setting.js';
import type { SettingMistake } from './setting.js';

/** Tells every mistake at once on standard error and what to do next, and sets the exit code. */
export function reportMistakes(mistakes: readonly SettingMistake[], advice: string): void {
  process.exitCode = exitConfig;
  process.stderr.write(`${describeMistakes(mistakes)}\n${advice}\n`);
}
