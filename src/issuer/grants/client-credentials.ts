import { OAuthError } from '../oauth-error.js';
import type { AccessTokens } from '../tokens/access-tokens.js';
import type { AccessPolicy } from './access-policy.js';
import type { Grant, TokenRequest, TokenResponse } from './token-response.js';

/** RFC 6749 section 4.4: a program gets a token for itself. */
export class ClientCredentialsGrant implements Grant {
  readonly #policy: AccessPolicy;
  readonly #tokens: AccessTokens;

  constructor(policy: AccessPolicy, tokens: AccessTokens) {
    this.#policy = policy;
    this.#tokens = tokens;
  }

  /**
   * @throws OAuthError `unauthorized_client` for clients that don't authenticate, `invalid_scope` for scopes that the server doesn't
   *   know, `access_denied` for those not granted
   */
  async answer({ server, client, parameters }: TokenRequest): Promise<TokenResponse> {
    if (client.authMethod === 'none')
      throw new OAuthError(
        'unauthorized_client',
        'A client that does not authenticate has no tokens of its own.',
      );
    const asked = parameters.get('scope');
    const scopes = await this.#policy.scopesFor({ server, client, asked, isForPerson: false });
    const { token } = await this.#tokens.issue({ server, clientId: client.id, scopes });
    return {
      token_type: 'Bearer',
      expires_in: server.accessTokenSeconds,
      access_token: token,
      scope: scopes.join(' '),
    };
  }
}
