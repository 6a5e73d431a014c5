import { Inject, Injectable } from '@nestjs/common';
import type { PipeTransform } from '@nestjs/common';
import { AuthorizationServers, orgServerId } from '../authorization-server.js';
import type { AuthorizationServer } from '../authorization-server.js';
import { UnknownServerError } from '../oauth-error.js';

/** Where the endpoints of every authorization server are: the custom ones, and the org's own. */
export const serverPaths = ['oauth2/:serverId', 'oauth2'];

/** Turns `:serverId` of the path into the authorization server; a path without one is the org's. */
@Injectable()
export class AuthorizationServerPipe implements PipeTransform<
  string | undefined,
  Promise<AuthorizationServer>
> {
  readonly #servers: AuthorizationServers;

  constructor(@Inject(AuthorizationServers) servers: AuthorizationServers) {
    this.#servers = servers;
  }

  /** @throws UnknownServerError */
  async transform(serverId: string | undefined): Promise<AuthorizationServer> {
    const server = await this.#servers.find(serverId ?? orgServerId);
    // The org's own has one address only: at another one its documents would contradict their place.
    if (server === undefined || serverId === orgServerId)
      throw new UnknownServerError(serverId ?? orgServerId);
    return server;
  }
}
