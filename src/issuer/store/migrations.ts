import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What the database has gone through, in order; a migration that was released never changes. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-clients-keys-revocations': { up: createFirstTables },
};

async function createFirstTables(db: Kysely<unknown>): Promise<void> {
  await createServers(db);
  await createClients(db);
  await createSigningKeys(db);
  await db.schema
    .createTable('revocations')
    .addColumn('jti', 'text', (column) => column.primaryKey())
    .addColumn('revoked_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('revocations_expires_at').on('revocations').column('expires_at').execute();
}

async function createServers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('authorization_servers')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('audience', 'text', (column) => column.notNull())
    .addColumn('access_token_seconds', 'integer', (column) => column.notNull())
    // Okta's own bounds: 5 minutes to 24 hours.
    .addCheckConstraint('access_token_seconds_bounds', sql`access_token_seconds between 300 and 86400`)
    .execute();
  await sql`insert into authorization_servers values ('default', 'api://default', 3600)`.execute(db);
  await db.schema
    .createTable('scopes')
    .addColumn('server_id', 'text', (column) =>
      column.references('authorization_servers.id').onDelete('cascade'),
    )
    .addColumn('name', 'text')
    .addColumn('is_default', 'boolean', (column) => column.notNull().defaultTo(false))
    .addPrimaryKeyConstraint('scopes_pkey', ['server_id', 'name'])
    .execute();
}

async function createClients(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('clients')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('secret_digest', 'bytea', (column) => column.notNull())
    .addColumn('pepper_id', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('disabled_at', 'timestamptz')
    .execute();
  await db.schema
    .createTable('client_scopes')
    .addColumn('client_id', 'text', (column) => column.references('clients.id').onDelete('cascade'))
    .addColumn('server_id', 'text')
    .addColumn('scope', 'text')
    .addPrimaryKeyConstraint('client_scopes_pkey', ['client_id', 'server_id', 'scope'])
    .addForeignKeyConstraint(
      'client_scopes_scope',
      ['server_id', 'scope'],
      'scopes',
      ['server_id', 'name'],
      (constraint) => constraint.onDelete('cascade'),
    )
    .execute();
}

async function createSigningKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('signing_keys')
    .addColumn('kid', 'text', (column) => column.primaryKey())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('algorithm', 'text', (column) => column.notNull())
    .addColumn('public_jwk', 'jsonb', (column) => column.notNull())
    .addColumn('sealed_private_key', 'bytea', (column) => column.notNull())
    .addColumn('pepper_id', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addColumn('retired_at', 'timestamptz')
    .addCheckConstraint('signing_keys_state', sql`state in ('next', 'current', 'retired')`)
    .execute();
  // However many processes rotate at once: one key signs, and one is announced.
  await sql`create unique index signing_keys_one_current on signing_keys (algorithm, state)
    where state in ('next', 'current')`.execute(db);
}
