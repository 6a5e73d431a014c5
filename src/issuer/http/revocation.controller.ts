import { Controller, Header, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { AuthorizationServer } from '../authorization-server.js';
import { ClientAuthentication } from '../clients/client-authentication.js';
import { endpoints } from '../endpoints.js';
import { AccessTokens } from '../tokens/access-tokens.js';
import { IssuedTokens } from '../tokens/issued-tokens.js';
import { RefreshTokens } from '../tokens/refresh-tokens.js';
import { AuthorizationServerPipe, serverPaths } from './authorization-server.pipe.js';
import { OAuth } from './oauth-request.js';
import type { OAuthRequest } from './oauth-request.js';

/** RFC 7009: 200 with an empty body for every token, known or not. */
@Controller(serverPaths)
export class RevocationController {
  readonly #authentication: ClientAuthentication;
  readonly #tokens: AccessTokens;
  readonly #issued: IssuedTokens;
  readonly #refreshTokens: RefreshTokens;

  constructor(
    @Inject(ClientAuthentication) authentication: ClientAuthentication,
    @Inject(AccessTokens) tokens: AccessTokens,
    @Inject(IssuedTokens) issued: IssuedTokens,
    @Inject(RefreshTokens) refreshTokens: RefreshTokens,
  ) {
    this.#authentication = authentication;
    this.#tokens = tokens;
    this.#issued = issued;
    this.#refreshTokens = refreshTokens;
  }

  @Post(endpoints.revoke.path)
  @HttpCode(200)
  @Header('cache-control', 'no-cache, no-store')
  async revoke(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @OAuth() request: OAuthRequest,
  ): Promise<void> {
    const client = await this.#authentication.authenticate(request);
    const token = request.parameters.require('token');
    // Of another client's token nothing is told, and nothing happens to it (RFC 7009 section 2.1).
    if (!token.includes('.')) return this.#refreshTokens.revoke(token, client);
    const claims = await this.#tokens.read(token, server);
    if (claims?.cid === client.id) await this.#issued.revoke(claims.jti);
  }
}
