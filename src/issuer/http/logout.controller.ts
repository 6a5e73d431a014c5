import { Controller, Get, Inject, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { AuthorizationServer } from '../authorization-server.js';
import { Clients } from '../clients/clients.js';
import type { Client } from '../clients/clients.js';
import { endpoints } from '../endpoints.js';
import type { OAuthParameters } from '../oauth-parameters.js';
import { messagePage } from '../sign-in/pages.js';
import { IdTokens } from '../tokens/id-tokens.js';
import { AuthorizationServerPipe, serverPaths } from './authorization-server.pipe.js';
import { redirect, sendPage } from './html-reply.js';
import { OAuth } from './oauth-request.js';
import type { OAuthRequest } from './oauth-request.js';

/**
 * OpenID Connect RP-Initiated Logout. There is no session here that could end: the person is sent back to where the
 * client wants, if that is a place of the client's.
 */
@Controller(serverPaths)
export class LogoutController {
  readonly #idTokens: IdTokens;
  readonly #clients: Clients;

  constructor(@Inject(IdTokens) idTokens: IdTokens, @Inject(Clients) clients: Clients) {
    this.#idTokens = idTokens;
    this.#clients = clients;
  }

  @Get(endpoints.logout.path)
  get(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @OAuth() { parameters }: OAuthRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#logout(server, parameters, reply);
  }

  @Post(endpoints.logout.path)
  post(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @OAuth() { parameters }: OAuthRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#logout(server, parameters, reply);
  }

  async #logout(
    server: AuthorizationServer,
    parameters: OAuthParameters,
    reply: FastifyReply,
  ): Promise<void> {
    const client = await this.#clientOf(server, parameters);
    const wanted = parameters.get('post_logout_redirect_uri');
    if (client === undefined)
      refuse(reply, 'The id_token_hint is not an ID token that this client got here.');
    else if (wanted === undefined)
      sendPage(reply, 200, messagePage('Signed out', 'You can close this window.'));
    else if (client.postLogoutRedirectUris.includes(wanted)) {
      const state = parameters.get('state');
      redirect(reply, 302, wanted, state === undefined ? {} : { state });
    } else refuse(reply, 'The post_logout_redirect_uri is not one of those registered for the client.');
  }

  /** Whom the ID token was issued to: only that client's places are good. */
  async #clientOf(server: AuthorizationServer, parameters: OAuthParameters): Promise<Client | undefined> {
    const hint = await this.#idTokens.read(parameters.get('id_token_hint') ?? '', server);
    const clientId = parameters.get('client_id') ?? hint?.aud;
    return hint !== undefined && hint.aud === clientId ? this.#clients.find(hint.aud) : undefined;
  }
}

function refuse(reply: FastifyReply, why: string): void {
  sendPage(reply, 400, messagePage('This sign-out cannot go on', why));
}
