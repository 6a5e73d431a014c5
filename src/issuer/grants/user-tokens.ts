import type { AuthorizationServer } from '../authorization-server.js';
import type { Client } from '../clients/clients.js';
import type { AccessTokens } from '../tokens/access-tokens.js';
import type { IdTokens } from '../tokens/id-tokens.js';
import type { RefreshTokens } from '../tokens/refresh-tokens.js';
import type { User } from '../users/users.js';
import type { TokenResponse } from './token-response.js';

/** A person who signed in at a client. */
export interface SignIn {
  readonly server: AuthorizationServer;
  readonly client: Client;
  readonly user: User;
  readonly scopes: readonly string[];
  /** In seconds since the epoch. */
  readonly authTime: number;
  readonly nonce?: string | undefined;
}

/** A refresh token that goes with the response. */
interface WithRefreshToken {
  readonly token: string;
  readonly familyId: string;
}

export interface UserTokenResponse {
  readonly response: TokenResponse;
  /** Of the refresh token, where there is one. */
  readonly familyId: string | undefined;
  /** Of the access token. */
  readonly jti: string;
}

/** The tokens that a person's sign-in gives to a client. */
export class UserTokens {
  readonly #access: AccessTokens;
  readonly #ids: IdTokens;
  readonly #refresh: RefreshTokens;

  constructor(access: AccessTokens, ids: IdTokens, refresh: RefreshTokens) {
    this.#access = access;
    this.#ids = ids;
    this.#refresh = refresh;
  }

  /** An access token, a refresh token with the scope `offline_access`, an ID token with `openid`. */
  async issue(signIn: SignIn): Promise<UserTokenResponse> {
    const { client, scopes, user } = signIn;
    const isOffline = scopes.includes('offline_access') && client.grants.has('refresh_token');
    const refresh = isOffline ? await this.#refresh.start({ ...signIn, userId: user.id }) : undefined;
    return this.respond(signIn, refresh);
  }

  /** The same with a refresh token that is there already. */
  async respond(signIn: SignIn, refresh: WithRefreshToken | undefined): Promise<UserTokenResponse> {
    const { server, client, user, scopes, authTime } = signIn;
    const { token, claims } = await this.#access.issue({
      server,
      clientId: client.id,
      scopes,
      user: { id: user.id, login: user.login, authTime },
      ...(refresh && { familyId: refresh.familyId }),
    });
    const idToken = scopes.includes('openid')
      ? await this.#ids.issue({ ...signIn, clientId: client.id, accessToken: token })
      : undefined;
    const response: TokenResponse = {
      token_type: 'Bearer',
      expires_in: server.accessTokenSeconds,
      access_token: token,
      scope: scopes.join(' '),
      ...(refresh && { refresh_token: refresh.token }),
      ...(idToken !== undefined && { id_token: idToken }),
    };
    return { response, familyId: refresh?.familyId, jti: claims.jti };
  }
}
