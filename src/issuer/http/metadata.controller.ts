import { Controller, Get, Header, Inject, Param } from '@nestjs/common';
import type { AuthorizationServer } from '../authorization-server.js';
import { endpoints } from '../endpoints.js';
import { SigningKeyRing } from '../keys/signing-key-ring.js';
import { AuthorizationServerPipe } from './authorization-server.pipe.js';

const authMethods = ['client_secret_basic', 'client_secret_post'];

/** RFC 8414 and OpenID Connect Discovery, and the keys they point to. Only what is served is announced. */
@Controller('oauth2/:serverId')
export class MetadataController {
  readonly #keys: SigningKeyRing;

  constructor(@Inject(SigningKeyRing) keys: SigningKeyRing) {
    this.#keys = keys;
  }

  @Get(endpoints.oauthMetadata.path)
  @Header('cache-control', 'max-age=86400, must-revalidate')
  oauth(@Param('serverId', AuthorizationServerPipe) server: AuthorizationServer) {
    return metadataOf(server);
  }

  @Get(endpoints.openidMetadata.path)
  @Header('cache-control', 'max-age=86400, must-revalidate')
  openid(@Param('serverId', AuthorizationServerPipe) server: AuthorizationServer) {
    return { ...metadataOf(server), id_token_signing_alg_values_supported: ['RS256'] };
  }

  /** A key is published for longer than this before it signs. */
  @Get(endpoints.keys.path)
  @Header('cache-control', 'max-age=3600, must-revalidate')
  // The pipe refuses unknown servers; all servers of one issuer sign with the same keys.
  keys(@Param('serverId', AuthorizationServerPipe) _: AuthorizationServer) {
    return this.#keys.published();
  }
}

function metadataOf({ issuer }: AuthorizationServer) {
  return {
    issuer,
    token_endpoint: `${issuer}/${endpoints.token.path}`,
    introspection_endpoint: `${issuer}/${endpoints.introspect.path}`,
    revocation_endpoint: `${issuer}/${endpoints.revoke.path}`,
    jwks_uri: `${issuer}/${endpoints.keys.path}`,
    response_types_supported: [],
    grant_types_supported: ['client_credentials'],
    subject_types_supported: ['public'],
    token_endpoint_auth_methods_supported: authMethods,
    introspection_endpoint_auth_methods_supported: authMethods,
    revocation_endpoint_auth_methods_supported: authMethods,
    claims_supported: ['ver', 'jti', 'iss', 'aud', 'iat', 'exp', 'cid', 'scp', 'sub'],
  };
}
