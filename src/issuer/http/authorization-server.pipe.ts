import { Inject, Injectable } from '@nestjs/common';
import type { PipeTransform } from '@nestjs/common';
import { AuthorizationServers } from '../authorization-server.js';
import type { AuthorizationServer } from '../authorization-server.js';
import { UnknownServerError } from '../oauth-error.js';

/** Turns `:serverId` of the path into the authorization server. */
@Injectable()
export class AuthorizationServerPipe implements PipeTransform<string, Promise<AuthorizationServer>> {
  readonly #servers: AuthorizationServers;

  constructor(@Inject(AuthorizationServers) servers: AuthorizationServers) {
    this.#servers = servers;
  }

  /** @throws UnknownServerError */
  async transform(serverId: string): Promise<AuthorizationServer> {
    const server = await this.#servers.find(serverId);
    if (server === undefined) throw new UnknownServerError(serverId);
    return server;
  }
}
