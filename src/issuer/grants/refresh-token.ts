import { OAuthError } from '../oauth-error.js';
import type { RefreshTokens } from '../tokens/refresh-tokens.js';
import type { Users } from '../users/users.js';
import { parseScopes } from './access-policy.js';
import type { Grant, TokenRequest, TokenResponse } from './token-response.js';
import type { UserTokens } from './user-tokens.js';

export interface RefreshTokenGrantOptions {
  readonly users: Users;
  readonly refreshTokens: RefreshTokens;
  readonly tokens: UserTokens;
}

/** RFC 6749 section 6. */
export class RefreshTokenGrant implements Grant {
  readonly #options: RefreshTokenGrantOptions;

  constructor(options: RefreshTokenGrantOptions) {
    this.#options = options;
  }

  /** @throws OAuthError `invalid_grant`, the same for whatever is wrong with the token; `invalid_scope` for more than it gives */
  async answer({ server, client, parameters }: TokenRequest): Promise<TokenResponse> {
    const { refreshTokens, users, tokens } = this.#options;
    const sent = parameters.require('refresh_token');
    const asked = parameters.get('scope');
    const used = await refreshTokens.use(sent, {
      server,
      client,
      choose: (granted) => narrowed(asked, granted),
    });
    const user = used && (await users.find(used.userId));
    if (used === undefined || user === undefined) throw invalid();
    const { response } = await tokens.respond({ server, client, user, ...used }, used.next);
    return response;
  }
}

/** The same scopes, or fewer. */
function narrowed(asked: string | undefined, granted: readonly string[]): readonly string[] {
  if (asked === undefined) return granted;
  const scopes = parseScopes(asked);
  if (scopes.length > 0 && scopes.every((scope) => granted.includes(scope))) return scopes;
  throw new OAuthError('invalid_scope', 'The refresh token gives the scopes of the sign-in, or fewer.');
}

function invalid(): OAuthError {
  return new OAuthError('invalid_grant', 'The refresh token is invalid or expired.');
}
