import { Controller, Header, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { AuthorizationServer } from '../authorization-server.js';
import { ClientAuthentication } from '../clients/client-authentication.js';
import { endpoints } from '../endpoints.js';
import { AccessTokens } from '../tokens/access-tokens.js';
import type { AccessTokenClaims } from '../tokens/access-tokens.js';
import { IssuedTokens } from '../tokens/issued-tokens.js';
import { AuthorizationServerPipe, serverPaths } from './authorization-server.pipe.js';
import { OAuth } from './oauth-request.js';
import type { OAuthRequest } from './oauth-request.js';

/** RFC 7662 section 2.2, as Okta answers it. */
type IntrospectionResponse =
  | { readonly active: false }
  | (Pick<AccessTokenClaims, 'exp' | 'iat' | 'sub' | 'aud' | 'iss' | 'jti'> & {
      readonly active: true;
      /** Space-delimited, where the token has an array. */
      readonly scope: string;
      readonly token_type: 'Bearer';
      readonly client_id: string;
    });

const inactive: IntrospectionResponse = { active: false };

/** RFC 7662. */
@Controller(serverPaths)
export class IntrospectionController {
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

  @Post(endpoints.introspect.path)
  @HttpCode(200)
  @Header('cache-control', 'no-cache, no-store')
  async introspect(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @OAuth() request: OAuthRequest,
  ): Promise<IntrospectionResponse> {
    const client = await this.#authentication.authenticate(request);
    const claims = await this.#tokens.read(request.parameters.require('token'), server);
    // Without authentication anybody could ask: such a client learns of its own tokens only (RFC 7662 section 4).
    if (client.authMethod === 'none' && claims?.cid !== client.id) return inactive;
    if (claims === undefined || !(await this.#issued.isLive(claims.jti))) return inactive;
    return toResponse(claims);
  }
}

function toResponse({ scp, exp, iat, sub, aud, iss, jti, cid }: AccessTokenClaims): IntrospectionResponse {
  const common = { exp, iat, sub, aud, iss, jti };
  return { active: true, scope: scp.join(' '), ...common, token_type: 'Bearer', client_id: cid };
}
