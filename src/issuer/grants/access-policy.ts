import type { AuthorizationServer, AuthorizationServers } from '../authorization-server.js';
import type { Client } from '../clients/clients.js';
import { OAuthError } from '../oauth-error.js';

/** OpenID Connect's own scopes, and offline access: they make no sense where nobody signed in. */
const scopesForPeople: ReadonlySet<string> = new Set([
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'offline_access',
  'device_sso',
]);

export interface ScopeRequest {
  readonly server: AuthorizationServer;
  readonly client: Client;
  /** The `scope` parameter. */
  readonly asked: string | undefined;
  /** Whether a person signed in. */
  readonly isForPerson: boolean;
}

/** Which clients may ask which scopes of which authorization server, and so for which audience. */
export class AccessPolicy {
  readonly #servers: AuthorizationServers;

  constructor(servers: AuthorizationServers) {
    this.#servers = servers;
  }

  /** The scopes of a token. @throws OAuthError as {@link chooseScopes} */
  async scopesFor(request: ScopeRequest): Promise<string[]> {
    const { server, asked } = request;
    if (asked === undefined || parseScopes(asked).every((scope) => server.scopes.has(scope)))
      return chooseScopes(request);
    // Another process may have just made the scope known.
    return chooseScopes({ ...request, server: (await this.#servers.findFresh(server.id)) ?? server });
  }
}

/**
 * The scopes of a token. Scopes are never dropped in silence: a token has what was asked for, or there is none.
 *
 * @throws OAuthError `invalid_scope` for scopes that the server doesn't know or that don't fit the grant, `access_denied`
 *   for what the access policy doesn't give this client
 */
function chooseScopes(request: ScopeRequest): string[] {
  const { server, client, asked } = request;
  const granted = client.access.get(server.id);
  if (granted === undefined)
    throw new OAuthError('access_denied', 'The client may not get tokens of this authorization server.');
  const wanted = asked === undefined ? defaultScopes(server, granted) : parseScopes(asked);
  if (wanted.length === 0)
    throw new OAuthError(
      'invalid_scope',
      'The scope parameter is required: the authorization server has no default for this client.',
    );
  checkKnown(wanted, request);
  if (wanted.some((scope) => !granted.has(scope) && !isGivenToAll(scope, request)))
    throw new OAuthError('access_denied', 'The client may not have one or more of the scopes.');
  return wanted;
}

/** RFC 6749 section 3.3: space-delimited; each once, in the order of asking. */
export function parseScopes(text: string): string[] {
  return [...new Set(text.split(' ').filter((scope) => scope !== ''))];
}

/** Every scope that the server knows and this grant can give. */
function hasUnknownScope(wanted: readonly string[], { server, isForPerson }: ScopeRequest): boolean {
  return wanted.some((scope) => !server.scopes.has(scope) || (!isForPerson && scopesForPeople.has(scope)));
}

function checkKnown(wanted: readonly string[], request: ScopeRequest): void {
  if (hasUnknownScope(wanted, request))
    throw new OAuthError(
      'invalid_scope',
      'One or more scopes are not configured for this authorization server or this grant.',
    );
}

/** What a person may tell a client about herself is the person's to allow, not the access policy's. */
function isGivenToAll(scope: string, { isForPerson }: ScopeRequest): boolean {
  return isForPerson && scopesForPeople.has(scope);
}

function defaultScopes({ scopes }: AuthorizationServer, granted: ReadonlySet<string>): string[] {
  return [...scopes].filter(([name, { isDefault }]) => isDefault && granted.has(name)).map(([name]) => name);
}
