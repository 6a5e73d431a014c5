import { Controller, Get, Header, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { extractBearer } from '../../token/bearer.js';
import type { BearerRefusal } from '../../token/bearer.js';
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
    if (!bearer.ok) throw noToken(bearer.code);
    const claims = await this.#tokens.read(bearer.value, server);
    if (claims === undefined || !(await this.#issued.isLive(claims.jti))) throw invalidToken();
    if (!claims.scp.includes('openid')) throw insufficientScope();
    const user = claims.uid === undefined ? undefined : await this.#users.find(claims.uid);
    if (user === undefined) throw invalidToken();
    return { sub: user.id, ...profileClaims(user, claims.scp) };
  }
}

/** RFC 6750 section 3.1: no credentials, no error code; two are a request that can't be answered. */
function noToken(code: BearerRefusal): OktaApiError {
  switch (code) {
    case 'missing':
      return refusal(401, 'E0000011', 'No token provided');
    case 'malformed':
      return invalidToken();
    case 'ambiguous':
      return refusal(400, 'E0000003', 'The request has more than one token', 'error="invalid_request"');
  }
}

function invalidToken(): OktaApiError {
  return refusal(401, 'E0000011', 'Invalid token provided', 'error="invalid_token"');
}

function insufficientScope(): OktaApiError {
  const summary = 'You do not have permission to perform the requested action';
  return refusal(403, 'E0000006', summary, 'error="insufficient_scope"', 'scope="openid"');
}

function refusal(status: number, code: string, summary: string, ...parameters: string[]): OktaApiError {
  const challenge = ['Bearer realm="issuer"', ...parameters].join(', ');
  return new OktaApiError(status, code, summary, { headers: { 'www-authenticate': challenge } });
}
