import { Controller, Header, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { AuthorizationServer } from '../authorization-server.js';
import { ClientAuthentication } from '../clients/client-authentication.js';
import { endpoints } from '../endpoints.js';
import { ClientCredentialsGrant } from '../grants/client-credentials.js';
import type { TokenResponse } from '../grants/client-credentials.js';
import { OAuthError } from '../oauth-error.js';
import { AuthorizationServerPipe } from './authorization-server.pipe.js';
import { OAuth } from './oauth-request.js';
import type { OAuthRequest } from './oauth-request.js';

/** RFC 6749 section 3.2. */
@Controller('oauth2/:serverId')
export class TokenController {
  readonly #authentication: ClientAuthentication;
  readonly #clientCredentials: ClientCredentialsGrant;

  constructor(
    @Inject(ClientAuthentication) authentication: ClientAuthentication,
    @Inject(ClientCredentialsGrant) clientCredentials: ClientCredentialsGrant,
  ) {
    this.#authentication = authentication;
    this.#clientCredentials = clientCredentials;
  }

  @Post(endpoints.token.path)
  @HttpCode(200)
  @Header('content-type', 'application/json;charset=UTF-8')
  @Header('cache-control', 'no-cache, no-store')
  @Header('pragma', 'no-cache')
  async token(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @OAuth() request: OAuthRequest,
  ): Promise<TokenResponse> {
    const client = await this.#authentication.authenticate(request);
    const { parameters } = request;
    if (parameters.require('grant_type') !== 'client_credentials')
      throw new OAuthError(
        'unsupported_grant_type',
        'The authorization server offers client_credentials only.',
      );
    return this.#clientCredentials.answer({ server, client, parameters });
  }
}
