import { Controller, Header, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { AuthorizationServer } from '../authorization-server.js';
import { ClientAuthentication } from '../clients/client-authentication.js';
import { endpoints } from '../endpoints.js';
import { Grants } from '../grants/grants.js';
import type { TokenResponse } from '../grants/token-response.js';
import { AuthorizationServerPipe, serverPaths } from './authorization-server.pipe.js';
import { OAuth } from './oauth-request.js';
import type { OAuthRequest } from './oauth-request.js';

/** RFC 6749 section 3.2. */
@Controller(serverPaths)
export class TokenController {
  readonly #authentication: ClientAuthentication;
  readonly #grants: Grants;

  constructor(
    @Inject(ClientAuthentication) authentication: ClientAuthentication,
    @Inject(Grants) grants: Grants,
  ) {
    this.#authentication = authentication;
    this.#grants = grants;
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
    return this.#grants.answer({ server, client, parameters: request.parameters, source: request.source });
  }
}
