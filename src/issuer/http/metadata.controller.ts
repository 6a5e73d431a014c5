import { Controller, Get, Header, Inject, Param } from '@nestjs/common';
import type { AuthorizationServer } from '../authorization-server.js';
import { BaseUrl } from '../base-url.js';
import { assertionAlgorithms } from '../clients/assertion-keys.js';
import { endpoints } from '../endpoints.js';
import { responseModes } from '../sign-in/authorize-request.js';
import { clientAuthMethods, grantTypes } from '../store/schema.js';
import { AuthorizationServerPipe } from './authorization-server.pipe.js';

/** RFC 8414 and OpenID Connect Discovery, below each issuer. Only what is served is announced. */
@Controller(['oauth2/:serverId', ''])
export class MetadataController {
  readonly #baseUrl: BaseUrl;

  constructor(@Inject(BaseUrl) baseUrl: BaseUrl) {
    this.#baseUrl = baseUrl;
  }

  @Get(endpoints.oauthMetadata.path)
  @Header('cache-control', 'max-age=86400, must-revalidate')
  oauth(@Param('serverId', AuthorizationServerPipe) server: AuthorizationServer) {
    return metadataOf(server, this.#baseUrl);
  }

  @Get(endpoints.openidMetadata.path)
  @Header('cache-control', 'max-age=86400, must-revalidate')
  openid(@Param('serverId', AuthorizationServerPipe) server: AuthorizationServer) {
    return {
      ...metadataOf(server, this.#baseUrl),
      id_token_signing_alg_values_supported: [server.signingAlgorithm],
    };
  }
}

const claims = [
  ...['ver', 'jti', 'iss', 'aud', 'iat', 'exp', 'cid', 'scp', 'sub', 'uid'],
  ...['amr', 'idp', 'nonce', 'auth_time', 'at_hash', 'name', 'preferred_username', 'email', 'email_verified'],
];

function metadataOf({ issuer, endpointBase, scopes }: AuthorizationServer, baseUrl: BaseUrl) {
  return {
    issuer,
    authorization_endpoint: `${endpointBase}/${endpoints.authorize.path}`,
    userinfo_endpoint: `${endpointBase}/${endpoints.userinfo.path}`,
    end_session_endpoint: `${endpointBase}/${endpoints.logout.path}`,
    token_endpoint: `${endpointBase}/${endpoints.token.path}`,
    introspection_endpoint: `${endpointBase}/${endpoints.introspect.path}`,
    revocation_endpoint: `${endpointBase}/${endpoints.revoke.path}`,
    registration_endpoint: `${baseUrl.value}/oauth2/v1/clients`,
    jwks_uri: `${endpointBase}/${endpoints.keys.path}`,
    response_types_supported: ['code'],
    response_modes_supported: responseModes,
    grant_types_supported: grantTypes,
    scopes_supported: [...scopes.keys()],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    // Where it is left out, true is understood (OpenID Connect Discovery section 3).
    request_uri_parameter_supported: false,
    subject_types_supported: ['public'],
    token_endpoint_auth_methods_supported: clientAuthMethods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint_auth_methods_supported: clientAuthMethods,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: clientAuthMethods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    claims_supported: claims,
  };
}
