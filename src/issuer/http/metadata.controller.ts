import { Controller, Get, Header, Param } from '@nestjs/common';
import type { AuthorizationServer } from '../authorization-server.js';
import { assertionAlgorithms } from '../clients/assertion-keys.js';
import { endpoints } from '../endpoints.js';
import { clientAuthMethods } from '../store/schema.js';
import { AuthorizationServerPipe } from './authorization-server.pipe.js';

/** RFC 8414 and OpenID Connect Discovery, below each issuer. Only what is served is announced. */
@Controller(['oauth2/:serverId', ''])
export class MetadataController {
  @Get(endpoints.oauthMetadata.path)
  @Header('cache-control', 'max-age=86400, must-revalidate')
  oauth(@Param('serverId', AuthorizationServerPipe) server: AuthorizationServer) {
    return metadataOf(server);
  }

  @Get(endpoints.openidMetadata.path)
  @Header('cache-control', 'max-age=86400, must-revalidate')
  openid(@Param('serverId', AuthorizationServerPipe) server: AuthorizationServer) {
    return { ...metadataOf(server), id_token_signing_alg_values_supported: [server.signingAlgorithm] };
  }
}

function metadataOf({ issuer, endpointBase }: AuthorizationServer) {
  return {
    issuer,
    token_endpoint: `${endpointBase}/${endpoints.token.path}`,
    introspection_endpoint: `${endpointBase}/${endpoints.introspect.path}`,
    revocation_endpoint: `${endpointBase}/${endpoints.revoke.path}`,
    jwks_uri: `${endpointBase}/${endpoints.keys.path}`,
    response_types_supported: [],
    grant_types_supported: ['client_credentials', 'password', 'refresh_token'],
    subject_types_supported: ['public'],
    token_endpoint_auth_methods_supported: clientAuthMethods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: clientAuthMethods,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: clientAuthMethods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    claims_supported: ['ver', 'jti', 'iss', 'aud', 'iat', 'exp', 'cid', 'scp', 'sub'],
  };
}
