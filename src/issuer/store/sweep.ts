import { sql } from 'kysely';
import type { Clock } from '../../base/clock.js';
import type { Database } from './open-store.js';

const tables = ['access_tokens', 'refresh_families', 'authorization_codes', 'used_assertions'] as const;

/** Deletes what means nothing any more: its time is over. @returns rows deleted */
export async function sweepExpired(db: Database, clock: Clock): Promise<number> {
  const now = new Date(clock());
  let deleted = 0n;
  for (const table of tables) {
    const { numAffectedRows = 0n } =
      await sql`delete from ${sql.table(table)} where expires_at < ${now}`.execute(db);
    deleted += numAffectedRows;
  }
  const keys = await db
    .deleteFrom('signing_keys')
    .where('state', '=', 'retired')
    .where('served_until', '<', now)
    .executeTakeFirst();
  return Number(deleted + keys.numDeletedRows);
}
