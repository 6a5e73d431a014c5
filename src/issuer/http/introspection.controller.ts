import { Controller, Header, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { AuthorizationServer } from '../authorization-server.js';
import { ClientAuthentication } from '../clients/client-authentication.js';
import { endpoints } from '../endpoints.js';
import { TokenStates } from '../tokens/token-states.js';
import type { ActiveToken } from '../tokens/token-states.js';
import { AuthorizationServerPipe, serverPaths } from './authorization-server.pipe.js';
import { OAuth } from './oauth-request.js';
import type { OAuthRequest } from './oauth-request.js';

const inactive = { active: false } as const;

/** RFC 7662. */
@Controller(serverPaths)
export class IntrospectionController {
  readonly #authentication: ClientAuthentication;
  readonly #states: TokenStates;

  constructor(
    @Inject(ClientAuthentication) authentication: ClientAuthentication,
    @Inject(TokenStates) states: TokenStates,
  ) {
    this.#authentication = authentication;
    this.#states = states;
  }

  @Post(endpoints.introspect.path)
  @HttpCode(200)
  @Header('cache-control', 'no-cache, no-store')
  async introspect(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @OAuth() request: OAuthRequest,
  ): Promise<ActiveToken | typeof inactive> {
    const client = await this.#authentication.authenticate(request);
    const token = await this.#states.activeToken(request.parameters.require('token'), server);
    // Without authentication anybody could ask: such a client learns of its own tokens only (RFC 7662 section 4).
    return token === undefined || (client.authMethod === 'none' && token.client_id !== client.id)
      ? inactive
      : token;
  }
}
