import type { AuthorizationServer } from '../authorization-server.js';
import type { AuthenticatedClient } from '../clients/client-authentication.js';
import { OAuthError } from '../oauth-error.js';
import type { OAuthParameters } from '../oauth-parameters.js';
import type { Database } from '../store/open-store.js';
import type { AccessTokens } from '../tokens/access-tokens.js';

/** RFC 6749 section 5.1, as Okta answers it. */
export interface TokenResponse {
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly access_token: string;
  /** Space-delimited. */
  readonly scope: string;
}

export interface TokenRequest {
  readonly server: AuthorizationServer;
  readonly client: AuthenticatedClient;
  readonly parameters: OAuthParameters;
}

interface KnownScope {
  readonly name: string;
  readonly isDefault: boolean;
  /** Whether this client may have it. */
  readonly isGranted: boolean;
}

/** RFC 6749 section 4.4: a program gets a token for itself. */
export class ClientCredentialsGrant {
  readonly #db: Database;
  readonly #tokens: AccessTokens;

  constructor(db: Database, tokens: AccessTokens) {
    this.#db = db;
    this.#tokens = tokens;
  }

  /** @throws OAuthError `invalid_scope` for scopes that the server doesn't know, `access_denied` for those not granted */
  async answer({ server, client, parameters }: TokenRequest): Promise<TokenResponse> {
    const known = await this.#knownScopes(server, client);
    const scopes = chooseScopes(parameters.get('scope'), known);
    return {
      token_type: 'Bearer',
      expires_in: server.accessTokenSeconds,
      access_token: await this.#tokens.issue(server, client.id, scopes),
      scope: scopes.join(' '),
    };
  }

  #knownScopes(server: AuthorizationServer, client: AuthenticatedClient): Promise<KnownScope[]> {
    return this.#db
      .selectFrom('scopes')
      .leftJoin('client_scopes', (join) =>
        join
          .onRef('client_scopes.server_id', '=', 'scopes.server_id')
          .onRef('client_scopes.scope', '=', 'scopes.name')
          .on('client_scopes.client_id', '=', client.id),
      )
      .where('scopes.server_id', '=', server.id)
      .select((expression) => [
        'scopes.name',
        'scopes.is_default as isDefault',
        expression('client_scopes.scope', 'is not', null).$castTo<boolean>().as('isGranted'),
      ])
      .execute();
  }
}

/** Scopes are never dropped in silence: a token has what was asked for, or there is none. */
function chooseScopes(asked: string | undefined, known: readonly KnownScope[]): string[] {
  const granted = new Set(known.filter(({ isGranted }) => isGranted).map(({ name }) => name));
  if (asked === undefined) return defaultScopes(known, granted);
  const wanted = [...new Set(asked.split(' ').filter((scope) => scope !== ''))];
  const names = new Set(known.map(({ name }) => name));
  if (wanted.length === 0 || wanted.some((scope) => !names.has(scope) || isForPeople(scope)))
    throw new OAuthError(
      'invalid_scope',
      'One or more scopes are not configured for this authorization server or this grant.',
    );
  if (wanted.some((scope) => !granted.has(scope)))
    throw new OAuthError('access_denied', 'The client may not have one or more of the scopes.');
  return wanted;
}

function defaultScopes(known: readonly KnownScope[], granted: ReadonlySet<string>): string[] {
  const scopes = known
    .filter(({ isDefault, name }) => isDefault && granted.has(name))
    .map(({ name }) => name);
  if (scopes.length > 0) return scopes;
  throw new OAuthError(
    'invalid_scope',
    'The scope parameter is required: the authorization server has no default for this client.',
  );
}

/** OpenID Connect's own scopes, and offline access, make no sense where nobody signed in. */
function isForPeople(scope: string): boolean {
  return ['openid', 'profile', 'email', 'address', 'phone', 'offline_access', 'device_sso'].includes(scope);
}
