import { describeWith } from './needs.js';
import { postgresBinaries } from './postgres-server.mjs';

export { startPostgres } from './postgres-server.mjs';
export type { PostgresServer } from './postgres-server.mjs';

/** A suite that needs PostgreSQL's server programs: skipped by name without them, failing under `REQUIRE_POSTGRES=1`. */
export function describeWithPostgres(what: string, body: (binaries: string) => void): void {
  const absence = 'no PostgreSQL server: apt-get install postgresql';
  describeWith(what, { found: postgresBinaries(), requiredBy: 'REQUIRE_POSTGRES', absence }, body);
}
