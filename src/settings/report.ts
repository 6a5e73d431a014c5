import { describeMistakes } from './setting.js';
import type { SettingMistake } from './setting.js';

/** Exit code of a program whose settings can't be used (sysexits.h: EX_CONFIG). */
export const exitSettings = 78;

/** Tells every mistake at once on standard error, and what to do next. */
export function printMistakes(mistakes: readonly SettingMistake[], advice: string): void {
  process.stderr.write(`${describeMistakes(mistakes)}\n${advice}\n`);
}
