import type { IncomingMessage } from 'node:http';
import { Controller, Delete, Header, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { extractBearer } from '../../token/bearer.js';
import { AdminAccess, adminScope } from '../admin/admin-access.js';
import { ClientAuthentication } from '../clients/client-authentication.js';
import { ClientRegistry } from '../clients/client-registry.js';
import { OAuth } from '../http/oauth-request.js';
import type { OAuthRequest } from '../http/oauth-request.js';
import { OAuthError } from '../oauth-error.js';
import type { AccessTokenClaims } from '../tokens/access-tokens.js';
import { CompatTokens } from './compat-tokens.js';

interface IncomingRequest {
  readonly raw: IncomingMessage;
}

const failed = { success: false } as const;
const succeeded = { success: true } as const;

/**
 * The calls of two older services, as their clients make them: a token dealer (`/oauth/token`) and an OAuth service with a
 * client registry. Thin doors: what is behind them is the issuer's own. Only where ISSUER_COMPAT is `on`.
 */
@Controller()
export class CompatController {
  readonly #authentication: ClientAuthentication;
  readonly #tokens: CompatTokens;
  readonly #registry: ClientRegistry;
  readonly #admin: AdminAccess;

  constructor(
    @Inject(ClientAuthentication) authentication: ClientAuthentication,
    @Inject(CompatTokens) tokens: CompatTokens,
    @Inject(ClientRegistry) registry: ClientRegistry,
    @Inject(AdminAccess) admin: AdminAccess,
  ) {
    this.#authentication = authentication;
    this.#tokens = tokens;
    this.#registry = registry;
    this.#admin = admin;
  }

  /** The token dealer: a token for an audience. */
  @Post('oauth/token')
  @HttpCode(200)
  @Header('cache-control', 'no-cache, no-store')
  async token(@OAuth() request: OAuthRequest): Promise<{ readonly access_token: string }> {
    if (request.parameters.require('grant_type') !== 'client_credentials')
      throw new OAuthError('unsupported_grant_type', 'The grant_type must be client_credentials.');
    const client = await this.#authentication.authenticate(request);
    return { access_token: await this.#tokens.forAudience(client, request.parameters.require('audience')) };
  }

  @Post('auth')
  @HttpCode(200)
  @Header('cache-control', 'no-cache, no-store')
  async auth(@OAuth() request: OAuthRequest) {
    const client = await this.#authentication.authenticate(request);
    const { token, claims } = await this.#tokens.forClient(client);
    return { token, expires: claims.exp, isAdmin: client.isAdmin };
  }

  @Post('verify')
  @HttpCode(200)
  @Header('cache-control', 'no-cache, no-store')
  async verify(@Req() { raw }: IncomingRequest): Promise<AccessTokenClaims | typeof failed> {
    const bearer = extractBearer(raw.rawHeaders, raw.url ?? '');
    return (bearer.ok ? await this.#tokens.liveClaims(bearer.value) : undefined) ?? failed;
  }

  @Post('logout')
  @HttpCode(200)
  async logout(@OAuth() { parameters }: OAuthRequest): Promise<typeof succeeded | typeof failed> {
    return (await this.#tokens.revoke(parameters.require('token'))) ? succeeded : failed;
  }

  @Post('client')
  @HttpCode(200)
  async addClient(@Req() { raw }: IncomingRequest, @OAuth() { parameters }: OAuthRequest) {
    const { id: adminId } = await this.#admin.check(raw);
    const [id, secret] = [parameters.require('client_id'), parameters.require('client_secret')];
    const scopes = isTrue(parameters.get('is_admin')) ? [adminScope] : [];
    await this.#registry.import({ id, secret, name: id, scopes }, `client:${adminId}`);
    return succeeded;
  }

  @Delete('client')
  @HttpCode(200)
  async removeClient(@Req() { raw }: IncomingRequest, @OAuth() { parameters }: OAuthRequest) {
    const { id: adminId } = await this.#admin.check(raw);
    await this.#registry.remove(parameters.require('client_id'), `client:${adminId}`);
    return succeeded;
  }
}

/** @throws OAuthError for anything but a boolean: who is an admin is nothing to guess */
function isTrue(flag: string | undefined): boolean {
  if (flag !== undefined && flag !== 'true' && flag !== 'false')
    throw new OAuthError('invalid_request', "The 'is_admin' parameter must be true or false.");
  return flag === 'true';
}
