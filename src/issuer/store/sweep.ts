import { sql } from 'kysely';
import type { Clock } from '../../base/clock.js';
import type { Database } from './open-store.js';

/** Rows in one statement at most: each is short, and requests get their turn between two. */
const batch = 5000;

const tables = ['access_tokens', 'refresh_families', 'authorization_codes', 'used_assertions'] as const;

/** Deletes what means nothing any more: its time is over. @returns rows deleted */
export async function sweepExpired(db: Database, clock: Clock): Promise<number> {
  const now = new Date(clock());
  let deleted = 0;
  for (const table of tables) deleted += await sweepTable(db, table, now);
  const keys = await db
    .deleteFrom('signing_keys')
    .where('state', '=', 'retired')
    .where('served_until', '<', now)
    .executeTakeFirst();
  return deleted + Number(keys.numDeletedRows);
}

async function sweepTable(db: Database, table: (typeof tables)[number], now: Date): Promise<number> {
  const name = sql.table(table);
  let deleted = 0;
  let last: number;
  do {
    const { numAffectedRows = 0n } = await sql`delete from ${name} where ctid = any(array(
      select ctid from ${name} where expires_at < ${now} limit ${batch} for update skip locked
    ))`.execute(db);
    last = Number(numAffectedRows);
    deleted += last;
  } while (last === batch);
  return deleted;
}
