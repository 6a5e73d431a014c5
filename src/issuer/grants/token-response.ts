import type { AuthorizationServer } from '../authorization-server.js';
import type { Client } from '../clients/clients.js';
import type { OAuthParameters } from '../oauth-parameters.js';

/** RFC 6749 section 5.1, as Okta answers it. */
export interface TokenResponse {
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly access_token: string;
  /** Space-delimited. */
  readonly scope: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
}

/** A request to the token endpoint whose client has been authenticated. */
export interface TokenRequest {
  readonly server: AuthorizationServer;
  readonly client: Client;
  readonly parameters: OAuthParameters;
  /** Where it comes from, as failed attempts are counted. */
  readonly source: string;
}

/** One way to get tokens. */
export interface Grant {
  /** @throws OAuthError */
  answer(request: TokenRequest): Promise<TokenResponse>;
}
