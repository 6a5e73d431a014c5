import { Controller, Get, Header, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { extractBearer } from '../../token/bearer.js';
import type { AuthorizationServer } from '../authorization-server.js';
import { endpoints } from '../endpoints.js';
import { OktaApiError } from '../okta-api-error.js';
import { AccessTokens } from '../tokens/access-tokens.js';
import { profileClaims } from '../tokens/id-tokens.js';
import { IssuedTokens } from '../tokens/issued-tokens.js';
import { Users } from '../users/users.js';
import { AuthorizationServerPipe, serverPaths } from './authorization-server.pipe.js';

/** OpenID Connect Core section 5.3: what a person's token may know about the person. */
@Controller(serverPaths)
export class UserinfoController {
  readonly #tokens: AccessTokens;
  readonly #issued: IssuedTokens;
  readonly #users: Users;

  constructor(
    @Inject(AccessTokens) tokens: AccessTokens,
    @Inject(IssuedTokens) issued: IssuedTokens,
    @Inject(Users) users: Users,
  ) {
    this.#tokens = tokens;
    this.#issued = issued;
    this.#users = users;
  }

  @Get(endpoints.userinfo.path)
  @Header('cache-control', 'no-cache, no-store')
  get(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @Req() request: FastifyRequest,
  ) {
    return this.#userinfo(server, request);
  }

  @Post(endpoints.userinfo.path)
  @HttpCode(200)
  @Header('cache-control', 'no-cache, no-store')
  post(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @Req() request: FastifyRequest,
  ) {
    return this.#userinfo(server, request);
  }

  async #userinfo(server: AuthorizationServer, { raw }: FastifyRequest) {
    const bearer = extractBearer(raw.rawHeaders, raw.url ?? '');
    if (!bearer.ok) throw invalidToken(bearer.code === 'missing' ? '' : ', error="invalid_token"');
    const claims = await this.#tokens.read(bearer.value, server);
    if (claims === undefined || !(await this.#issued.isLive(claims.jti)))
      throw invalidToken(', error="invalid_token"');
    if (!claims.scp.includes('openid')) throw insufficientScope();
    const user = claims.uid === undefined ? undefined : await this.#users.find(claims.uid);
    if (user === undefined) throw invalidToken(', error="invalid_token"');
    return { sub: user.id, ...profileClaims(user, claims.scp) };
  }
}

function invalidToken(error: string): OktaApiError {
  const headers = { 'www-authenticate': `Bearer realm="issuer"${error}` };
  return new OktaApiError(401, 'E0000011', 'Invalid token provided', { headers });
}

function insufficientScope(): OktaApiError {
  const headers = { 'www-authenticate': 'Bearer realm="issuer", error="insufficient_scope", scope="openid"' };
  return new OktaApiError(403, 'E0000006', 'You do not have permission to perform the requested action', {
    headers,
  });
}
