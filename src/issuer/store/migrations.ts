import { sql } from 'kysely';
import type { ColumnDefinitionBuilder, Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What the database has gone through, in order; a migration that was released never changes. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-issuer': { up: createTables },
};

/** Every database starts with the two servers that Okta has: the custom one named `default`, and the org's own. */
const firstServers = [
  { id: 'default', audience: 'api://default', access_token_seconds: 3600 },
  { id: 'org', audience: 'api://org', access_token_seconds: 3600 },
];
const openidScopes = ['openid', 'profile', 'email', 'offline_access'];

async function createTables(db: Kysely<unknown>): Promise<void> {
  await createServers(db);
  await createClients(db);
  await createUsers(db);
  await createSigningKeys(db);
  await createAccessTokens(db);
  await createRefreshTokens(db);
  await createAuthorizationCodes(db);
  await createUsedAssertions(db);
  await createAudit(db);
  const seed = db as Kysely<Record<string, Record<string, unknown>>>;
  await seed.insertInto('authorization_servers').values(firstServers).execute();
  const scopes = firstServers.flatMap(({ id }) => openidScopes.map((name) => ({ server_id: id, name })));
  await seed.insertInto('scopes').values(scopes).execute();
}

const required = (column: ColumnDefinitionBuilder) => column.notNull();
const withNow = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(sql`now()`);
const emptyList = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(sql`'{}'`);
const seconds = (value: number) => (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(value);
const flag = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(false);
/** Goes with the row that it refers to. */
const ofRow = (target: string) => (column: ColumnDefinitionBuilder) =>
  column.notNull().references(target).onDelete('cascade');

async function createServers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('authorization_servers')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('audience', 'text', required)
    .addColumn('signing_algorithm', 'text', (column) => column.notNull().defaultTo('RS256'))
    .addColumn('access_token_seconds', 'integer', required)
    .addColumn('id_token_seconds', 'integer', seconds(3600))
    .addColumn('refresh_token_seconds', 'integer', seconds(90 * 86_400))
    .addColumn('refresh_idle_seconds', 'integer', seconds(7 * 86_400))
    .addColumn('created_at', 'timestamptz', withNow)
    // Okta's own bounds: 5 minutes to 24 hours.
    .addCheckConstraint('access_token_seconds_bounds', sql`access_token_seconds between 300 and 86400`)
    .addCheckConstraint('id_token_seconds_bounds', sql`id_token_seconds between 300 and 86400`)
    .execute();
  await db.schema
    .createTable('scopes')
    .addColumn('server_id', 'text', ofRow('authorization_servers.id'))
    .addColumn('name', 'text')
    .addColumn('is_default', 'boolean', flag)
    .addPrimaryKeyConstraint('scopes_pkey', ['server_id', 'name'])
    .execute();
}

async function createClients(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('clients')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', required)
    .addColumn('auth_method', 'text', (column) => column.notNull().defaultTo('client_secret_basic'))
    .addColumn('secret_digest', 'bytea')
    .addColumn('pepper_id', 'text')
    .addColumn('jwks', 'jsonb')
    .addColumn('grants', sql`text[]`, (column) =>
      column.notNull().defaultTo(sql`'{client_credentials}'::text[]`),
    )
    .addColumn('redirect_uris', sql`text[]`, emptyList)
    .addColumn('post_logout_redirect_uris', sql`text[]`, emptyList)
    .addColumn('refresh_rotation', 'text', (column) => column.notNull().defaultTo('STATIC'))
    .addColumn('refresh_leeway_seconds', 'integer', seconds(30))
    .addColumn('is_admin', 'boolean', flag)
    .addColumn('created_at', 'timestamptz', withNow)
    .addColumn('updated_at', 'timestamptz', withNow)
    .addColumn('disabled_at', 'timestamptz')
    .addCheckConstraint('refresh_leeway_seconds_bounds', sql`refresh_leeway_seconds between 0 and 60`)
    .execute();
  // The order of lists and their cursors.
  await db.schema.createIndex('clients_created').on('clients').columns(['created_at', 'id']).execute();
  await createAccessPolicy(db);
}

/** Who may ask which scopes for which audience. */
async function createAccessPolicy(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('client_servers')
    .addColumn('client_id', 'text', ofRow('clients.id'))
    .addColumn('server_id', 'text', ofRow('authorization_servers.id'))
    .addPrimaryKeyConstraint('client_servers_pkey', ['client_id', 'server_id'])
    .execute();
  await db.schema
    .createTable('client_scopes')
    .addColumn('client_id', 'text')
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
    .addForeignKeyConstraint(
      'client_scopes_server',
      ['client_id', 'server_id'],
      'client_servers',
      ['client_id', 'server_id'],
      (constraint) => constraint.onDelete('cascade'),
    )
    .execute();
}

async function createUsers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('users')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('login', 'text', required)
    .addColumn('password_hash', 'text', required)
    .addColumn('name', 'text')
    .addColumn('email', 'text')
    .addColumn('created_at', 'timestamptz', withNow)
    .addColumn('disabled_at', 'timestamptz')
    .execute();
  await sql`create unique index users_login on users (lower(login))`.execute(db);
}

async function createSigningKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('signing_keys')
    .addColumn('kid', 'text', (column) => column.primaryKey())
    .addColumn('state', 'text', required)
    .addColumn('algorithm', 'text', required)
    .addColumn('public_jwk', 'jsonb', required)
    .addColumn('sealed_private_key', 'bytea', required)
    .addColumn('pepper_id', 'text', required)
    .addColumn('created_at', 'timestamptz', withNow)
    .addColumn('retired_at', 'timestamptz')
    .addColumn('served_until', 'timestamptz')
    .addCheckConstraint('signing_keys_state', sql`state in ('next', 'current', 'retired')`)
    .execute();
  // However many processes rotate at once: one key signs, and one is announced.
  await sql`create unique index signing_keys_one_current on signing_keys (algorithm, state)
    where state in ('next', 'current')`.execute(db);
}

async function createRefreshTokens(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('refresh_families')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('client_id', 'text', ofRow('clients.id'))
    .addColumn('server_id', 'text', ofRow('authorization_servers.id'))
    .addColumn('user_id', 'text', ofRow('users.id'))
    .addColumn('scopes', sql`text[]`, required)
    .addColumn('auth_time', 'timestamptz', required)
    .addColumn('expires_at', 'timestamptz', required)
    .addColumn('revoked_at', 'timestamptz')
    .execute();
  await expiresIndex(db, 'refresh_families');
  await db.schema
    .createTable('refresh_tokens')
    .addColumn('digest', 'bytea', (column) => column.primaryKey())
    .addColumn('family_id', 'text', ofRow('refresh_families.id'))
    .addColumn('used_at', 'timestamptz')
    .addColumn('rotated_at', 'timestamptz')
    .addColumn('created_at', 'timestamptz', withNow)
    .execute();
  await db.schema.createIndex('refresh_tokens_family').on('refresh_tokens').column('family_id').execute();
}

/** No foreign keys: each token would pay for checking what its issuing has just read. */
async function createAccessTokens(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('access_tokens')
    .addColumn('jti', 'text', (column) => column.primaryKey())
    .addColumn('client_id', 'text', required)
    .addColumn('user_id', 'text')
    .addColumn('family_id', 'text')
    .addColumn('expires_at', 'timestamptz', required)
    .addColumn('revoked_at', 'timestamptz')
    .execute();
  await expiresIndex(db, 'access_tokens');
  await sql`create index access_tokens_family on access_tokens (family_id) where family_id is not null`.execute(
    db,
  );
}

async function createAuthorizationCodes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('authorization_codes')
    .addColumn('digest', 'bytea', (column) => column.primaryKey())
    .addColumn('client_id', 'text', ofRow('clients.id'))
    .addColumn('server_id', 'text', ofRow('authorization_servers.id'))
    .addColumn('user_id', 'text', ofRow('users.id'))
    .addColumn('redirect_uri', 'text', required)
    .addColumn('scopes', sql`text[]`, required)
    .addColumn('nonce', 'text')
    .addColumn('code_challenge', 'text')
    .addColumn('auth_time', 'timestamptz', required)
    .addColumn('expires_at', 'timestamptz', required)
    .addColumn('used_at', 'timestamptz')
    .addColumn('family_id', 'text')
    .addColumn('access_token_jti', 'text')
    .execute();
  await expiresIndex(db, 'authorization_codes');
}

async function createUsedAssertions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('used_assertions')
    .addColumn('client_id', 'text')
    .addColumn('jti', 'text')
    .addColumn('expires_at', 'timestamptz', required)
    .addPrimaryKeyConstraint('used_assertions_pkey', ['client_id', 'jti'])
    .execute();
  await expiresIndex(db, 'used_assertions');
}

async function createAudit(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('audit')
    .addColumn('id', 'bigserial', (column) => column.primaryKey())
    .addColumn('at', 'timestamptz', withNow)
    .addColumn('actor', 'text', required)
    .addColumn('action', 'text', required)
    .addColumn('target', 'text', required)
    .addColumn('details', 'jsonb', required)
    .execute();
}

async function expiresIndex(db: Kysely<unknown>, table: string): Promise<void> {
  await db.schema.createIndex(`${table}_expires_at`).on(table).column('expires_at').execute();
}
