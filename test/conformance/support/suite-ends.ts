/** How each test of a suite ended, by its name. */
export type Ends = ReadonlyMap<string, string>;

export function countOf(ends: Ends, how: string): number {
  return [...ends.values()].filter((end) => end === how).length;
}

/** One line, for whoever reads the log: `pgx at the server: 700 passed, 20 skipped, 0 failed`. */
export function printCounts(what: string, ends: Ends): void {
  const kinds = new Set(['passed', 'skipped', 'failed', ...ends.values()]);
  const counts = [...kinds].map((kind) => `${countOf(ends, kind)} ${kind}`);
  process.stdout.write(`${what}: ${counts.join(', ')}\n`);
}
