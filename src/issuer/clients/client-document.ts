import { z } from 'zod';
import { parseStrictObject } from '../../token/strict-json.js';
import { OktaApiError } from '../okta-api-error.js';
import { clientAuthMethods, grantTypes } from '../store/schema.js';
import type { ClientSettings } from './client-checks.js';
import type { ClientWithSecret, NewClient, RegisteredClient } from './client-registry.js';

const text = z.string().max(1000);
const uris = z.array(text).max(20);
const serverAndScopes = z.strictObject({ authorization_server: text, scopes: z.array(text).max(100) });

/**
 * A client as it is registered: Okta's dynamic client registration (RFC 7591 section 2) with `scope`, and `access` for
 * other authorization servers than `default` and `org`. Members that the registry itself gives are taken back unread, so
 * that what was read can be sent again, changed.
 */
export const clientDocument = z.strictObject({
  client_name: z.string(),
  grant_types: z.array(z.enum(grantTypes)).max(10).optional(),
  response_types: z
    .array(z.enum(['code', 'token']))
    .max(2)
    .optional(),
  redirect_uris: uris.optional(),
  post_logout_redirect_uris: uris.optional(),
  token_endpoint_auth_method: z.enum(clientAuthMethods).optional(),
  application_type: z.enum(['web', 'native', 'browser', 'service']).optional(),
  jwks: z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())).max(10) }).optional(),
  scope: z.string().max(30_000).optional(),
  access: z.array(serverAndScopes).max(100).optional(),
  refresh_token: z
    .strictObject({ rotation_type: z.enum(['STATIC', 'ROTATE']), leeway: z.int().min(0).max(60).optional() })
    .optional(),
  client_id: text.optional(),
  client_id_issued_at: z.number().optional(),
  client_secret_expires_at: z.number().optional(),
  status: z.enum(['ACTIVE', 'INACTIVE']).optional(),
});
type ClientDocument = z.infer<typeof clientDocument>;

/**
 * The client that a body describes.
 *
 * @throws OktaApiError 400 `E0000003` when it is no JSON object, `E0000001` naming each member that is not acceptable
 */
export function readClientDocument(body: unknown): NewClient {
  const json = body instanceof Uint8Array ? parseStrictObject(body) : undefined;
  if (json === undefined)
    throw new OktaApiError(400, 'E0000003', 'The request body was not well-formed: expected a JSON object.');
  const read = clientDocument.safeParse(json);
  if (read.success) return toNewClient(read.data);
  const causes = read.error.issues.map(({ path, message }) => `${path.join('.') || 'client'}: ${message}`);
  throw invalidClient(causes);
}

export function invalidClient(causes: readonly string[]): OktaApiError {
  return new OktaApiError(400, 'E0000001', 'Api validation failed: client', { causes });
}

function toNewClient(document: ClientDocument): NewClient {
  const { scope, access, refresh_token: refresh, jwks } = document;
  return {
    name: document.client_name,
    scopes: (scope ?? '').split(' ').filter((each) => each !== ''),
    ...(document.grant_types && { grants: document.grant_types }),
    ...(document.token_endpoint_auth_method && { authMethod: document.token_endpoint_auth_method }),
    ...(document.redirect_uris && { redirectUris: document.redirect_uris }),
    ...(document.post_logout_redirect_uris && {
      postLogoutRedirectUris: document.post_logout_redirect_uris,
    }),
    ...(jwks && { jwks }),
    ...(access && { access: accessOf(access) }),
    ...(refresh && { refreshRotation: refresh.rotation_type, refreshLeewaySeconds: refresh.leeway ?? 30 }),
  };
}

function accessOf(access: NonNullable<ClientDocument['access']>): ClientSettings['access'] {
  const entries = access.map(({ authorization_server: server, scopes }) => [server, scopes] as const);
  if (new Set(entries.map(([server]) => server)).size < entries.length)
    throw invalidClient(['access: an authorization server is named more than once']);
  return Object.fromEntries(entries);
}

/** The client as it is shown. */
export function writeClientDocument(client: RegisteredClient) {
  const { settings } = client;
  return {
    client_id: client.client_id,
    client_id_issued_at: client.client_id_issued_at,
    client_name: settings.name,
    grant_types: settings.grants,
    response_types: settings.grants.includes('authorization_code') ? ['code'] : [],
    redirect_uris: settings.redirectUris,
    post_logout_redirect_uris: settings.postLogoutRedirectUris,
    token_endpoint_auth_method: settings.authMethod,
    ...(settings.jwks && { jwks: settings.jwks }),
    access: writeAccess(settings.access),
    refresh_token: { rotation_type: settings.refreshRotation, leeway: settings.refreshLeewaySeconds },
    status: client.status,
  };
}

function writeAccess(access: ClientSettings['access']) {
  return Object.keys(access)
    .toSorted()
    .map((server) => ({ authorization_server: server, scopes: access[server] ?? [] }));
}

/** With the secret, where the client has just got one: it never expires, and is never shown again. */
export function writeClientWithSecret(client: ClientWithSecret) {
  const { client_secret } = client;
  const secret = client_secret === '' ? {} : { client_secret, client_secret_expires_at: 0 };
  return { ...writeClientDocument(client), ...secret };
}
