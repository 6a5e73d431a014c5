import type { Actor } from '../audit/audit.js';
import { adminScope } from '../admin/admin-access.js';
import { orgServerId } from '../authorization-server.js';
import { RegistryError } from '../registry-error.js';
import type { Database } from '../store/open-store.js';
import type { ClientRow } from '../store/schema.js';
import type { ClientSettings } from './client-checks.js';

/** A client as the registry shows it: never with its secret. */
export interface RegisteredClient {
  readonly client_id: string;
  readonly client_name: string;
  /** Scopes that it may ask, on any server, sorted. */
  readonly scopes: readonly string[];
  /** Seconds since the epoch (RFC 7591 section 3.2.1). */
  readonly client_id_issued_at: number;
  readonly status: 'ACTIVE' | 'INACTIVE';
  readonly settings: ClientSettings;
}

/** A new client; what is left out has the registry's default. */
export type NewClient = {
  readonly name: string;
  readonly scopes?: readonly string[];
} & Partial<ClientSettings>;

/** Where `scopes` without a server count: the custom server named `default`, and the org's own. */
const usualServers = ['default', orgServerId];

export const noSecret = { secret_digest: null, pepper_id: null };

export function hasSecret({ authMethod }: ClientSettings): boolean {
  return authMethod === 'client_secret_basic' || authMethod === 'client_secret_post';
}

export function withDefaults({ scopes = [], ...client }: NewClient): ClientSettings {
  const wanted = [...new Set(scopes)];
  return {
    grants: ['client_credentials'],
    authMethod: 'client_secret_basic',
    redirectUris: [],
    postLogoutRedirectUris: [],
    jwks: null,
    refreshRotation: 'STATIC',
    refreshLeewaySeconds: 30,
    access: Object.fromEntries(usualServers.map((server) => [server, wanted])),
    ...client,
  };
}

export function columnsOf(settings: ClientSettings) {
  return {
    name: settings.name,
    auth_method: settings.authMethod,
    jwks: settings.jwks === null ? null : JSON.stringify(settings.jwks),
    grants: [...settings.grants],
    redirect_uris: [...settings.redirectUris],
    post_logout_redirect_uris: [...settings.postLogoutRedirectUris],
    refresh_rotation: settings.refreshRotation,
    refresh_leeway_seconds: settings.refreshLeewaySeconds,
    is_admin: Object.values(settings.access).some((scopes) => scopes.includes(adminScope)),
  };
}

export async function grantAccess(
  db: Database,
  clientId: string,
  access: ClientSettings['access'],
): Promise<void> {
  for (const [serverId, scopes] of Object.entries(access)) {
    const server = await db
      .selectFrom('authorization_servers')
      .select('id')
      .where('id', '=', serverId)
      .executeTakeFirst();
    if (server === undefined)
      throw new RegistryError(
        `there is no authorization server ${JSON.stringify(serverId.slice(0, 60))}`,
        'invalid',
        'access',
      );
    await db.insertInto('client_servers').values({ client_id: clientId, server_id: serverId }).execute();
    if (scopes.length === 0) continue;
    const known = scopes.map((name) => ({ server_id: serverId, name, is_default: false }));
    await db
      .insertInto('scopes')
      .values(known)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const granted = [...new Set(scopes)].map((scope) => ({
      client_id: clientId,
      server_id: serverId,
      scope,
    }));
    await db.insertInto('client_scopes').values(granted).execute();
  }
}

/** Before a change that may take an admin away: two of them at the same time would each count on the other's admin. */
export async function lockAdmins(db: Database, actor: Actor): Promise<void> {
  if (actor === 'cli') return;
  // In one order, so that nobody waits for who waits for them.
  await db
    .selectFrom('clients')
    .select('id')
    .where('is_admin', '=', true)
    .orderBy('id')
    .forUpdate()
    .execute();
}

/** Whoever manages clients over HTTP can't lock everybody out; a command on the database can always let somebody in. */
export async function checkAdminIsLeft(db: Database, actor: Actor): Promise<void> {
  if (actor === 'cli') return;
  const admin = await db
    .selectFrom('clients')
    .select('id')
    .where('is_admin', '=', true)
    .where('disabled_at', 'is', null)
    .executeTakeFirst();
  if (admin === undefined)
    throw new RegistryError('it is the last admin: make another one first', 'conflict');
}

export function detailsOf({ name, grants, authMethod, access }: ClientSettings) {
  return { name, grants, authMethod, access };
}

/** Nobody has an id with NUL, and PostgreSQL would refuse to look for it. @throws RegistryError */
export function checkClientId(clientId: string): void {
  if (clientId.includes('\0')) throw absent(clientId);
}

export function absent(clientId: string): RegistryError {
  return new RegistryError(`there is no client ${JSON.stringify(clientId.slice(0, 60))}`, 'absent');
}

export function shown(row: ClientRow, access: Readonly<Record<string, readonly string[]>>): RegisteredClient {
  return {
    client_id: row.id,
    client_name: row.name,
    scopes: [...new Set(Object.values(access).flat())].toSorted(),
    client_id_issued_at: Math.floor(row.created_at.getTime() / 1000),
    status: row.disabled_at === null ? 'ACTIVE' : 'INACTIVE',
    settings: {
      name: row.name,
      grants: row.grants,
      authMethod: row.auth_method,
      redirectUris: row.redirect_uris,
      postLogoutRedirectUris: row.post_logout_redirect_uris,
      jwks: row.jwks,
      refreshRotation: row.refresh_rotation,
      refreshLeewaySeconds: row.refresh_leeway_seconds,
      access,
    },
  };
}
