import { mkdirSync } from 'node:fs';

/** The runner's report and other scratch files live in .cache. */
export function setup(): void {
  mkdirSync('.cache', { recursive: true });
}
