import type { Database } from '../store/open-store.js';

/** Who changes something: `cli` for whoever may run commands on the database, or `client:` and an id. */
export type Actor = 'cli' | `client:${string}`;

export interface Change {
  readonly actor: Actor;
  /** `client.create`, `key.rotate` … */
  readonly action: string;
  /** Id of what is changed. */
  readonly target: string;
  /** What changes, without secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Adds a row to the audit, in the transaction of the change: there is no change without its row. */
export async function audit(db: Database, { actor, action, target, details = {} }: Change): Promise<void> {
  await db
    .insertInto('audit')
    .values({ actor, action, target, details: JSON.stringify(details) })
    .execute();
}
