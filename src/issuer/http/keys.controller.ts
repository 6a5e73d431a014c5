import { Controller, Get, Header, Inject, Param } from '@nestjs/common';
import type { AuthorizationServer } from '../authorization-server.js';
import { endpoints } from '../endpoints.js';
import { PublishedKeys } from '../keys/published-keys.js';
import { AuthorizationServerPipe, serverPaths } from './authorization-server.pipe.js';

/** RFC 7517 section 5. */
@Controller(serverPaths)
export class KeysController {
  readonly #keys: PublishedKeys;

  constructor(@Inject(PublishedKeys) keys: PublishedKeys) {
    this.#keys = keys;
  }

  @Get(endpoints.keys.path)
  @Header('cache-control', 'max-age=3600, must-revalidate')
  keys(@Param('serverId', AuthorizationServerPipe) server: AuthorizationServer) {
    return this.#keys.of(server);
  }
}
