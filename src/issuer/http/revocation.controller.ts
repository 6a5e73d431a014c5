import { Controller, Header, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { AuthorizationServer } from '../authorization-server.js';
import { ClientAuthentication } from '../clients/client-authentication.js';
import { endpoints } from '../endpoints.js';
import { AccessTokens } from '../tokens/access-tokens.js';
import { IssuedTokens } from '../tokens/issued-tokens.js';
import { AuthorizationServerPipe, serverPaths } from './authorization-server.pipe.js';
import { OAuth } from './oauth-request.js';
import type { OAuthRequest } from './oauth-request.js';

/** RFC 7009: 200 with an empty body for every token, known or not. */
@Controller(serverPaths)
export class RevocationController {
  readonly #authentication: ClientAuthentication;
  readonly #tokens: AccessTokens;
  readonly #issued: IssuedTokens;

  constructor(
    @Inject(ClientAuthentication) authentication: ClientAuthentication,
    @Inject(AccessTokens) tokens: AccessTokens,
    @Inject(IssuedTokens) issued: IssuedTokens,
  ) {
    this.#authentication = authentication;
    this.#tokens = tokens;
    this.#issued = issued;
  }

  @Post(endpoints.revoke.path)
  @HttpCode(200)
  @Header('cache-control', 'no-cache, no-store')
  async revoke(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @OAuth() request: OAuthRequest,
  ): Promise<void> {
    const client = await this.#authentication.authenticate(request);
    const claims = await this.#tokens.read(request.parameters.require('token'), server);
    // Of another client's token nothing is told, and nothing happens to it (RFC 7009 section 2.1).
    if (claims?.cid === client.id) await this.#issued.revoke(claims.jti);
  }
}
