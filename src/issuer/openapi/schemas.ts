import { responseModes } from '../sign-in/authorize-request.js';
import type { OAuthErrorCode } from '../oauth-error.js';
import { clientAuthMethods, grantTypes, signingAlgorithms } from '../store/schema.js';
import type { Schema } from './description.js';
import { closed, described, flag, oneOfTexts, seconds, text, texts } from './schema-parts.js';

/** Every code there is: the compiler misses none. */
const oauthErrorCodes: Readonly<Record<OAuthErrorCode | 'temporarily_unavailable', true>> = {
  invalid_client: true,
  invalid_request: true,
  invalid_grant: true,
  unauthorized_client: true,
  unsupported_grant_type: true,
  unsupported_response_type: true,
  invalid_scope: true,
  access_denied: true,
  login_required: true,
  request_not_supported: true,
  request_uri_not_supported: true,
  temporarily_unavailable: true,
};

const errors = {
  OAuthError: {
    ...closed({ error: oneOfTexts(Object.keys(oauthErrorCodes)), error_description: text }),
    description: 'An error in the form of RFC 6749 section 5.2.',
  },
  OktaError: {
    ...closed({
      errorCode: { type: 'string', pattern: '^E\\d{7}$' },
      errorSummary: text,
      errorLink: text,
      errorId: { type: 'string', pattern: '^oae' },
      errorCauses: { type: 'array', items: closed({ errorSummary: text }) },
    }),
    description: "An error in Okta's own form, where OAuth has none.",
  },
} satisfies Record<string, Schema>;

const scope = described(text, 'space-delimited');

const tokens = {
  TokenResponse: closed(
    {
      token_type: { const: 'Bearer' },
      expires_in: { type: 'integer', minimum: 1, description: 'seconds' },
      access_token: described(text, 'a JWT'),
      scope,
      refresh_token: described(text, 'with the scope offline_access'),
      id_token: described(text, 'a JWT, with the scope openid'),
    },
    ['token_type', 'expires_in', 'access_token', 'scope'],
  ),
  ActiveToken: closed(
    {
      active: { const: true },
      scope,
      username: described(text, 'of tokens of people'),
      exp: seconds,
      iat: seconds,
      sub: text,
      aud: text,
      iss: text,
      jti: text,
      token_type: { const: 'Bearer' },
      client_id: text,
      uid: described(text, 'of tokens of people'),
    },
    ['active', 'exp', 'iat', 'sub', 'aud', 'iss', 'client_id'],
  ),
  InactiveToken: {
    ...closed({ active: { const: false } }),
    description: 'Expired, revoked, malformed, or from elsewhere: nothing more is told.',
  },
  UserInfo: closed({ sub: text, name: text, preferred_username: text, email: text, email_verified: flag }, [
    'sub',
  ]),
} satisfies Record<string, Schema>;

const jsonWebKey = closed(
  {
    kty: oneOfTexts(['RSA', 'EC', 'OKP']),
    alg: oneOfTexts(signingAlgorithms),
    use: { const: 'sig' },
    kid: text,
    n: text,
    e: text,
    crv: text,
    x: text,
    y: text,
  },
  ['kty', 'alg', 'use', 'kid'],
);

const metadata = {
  issuer: text,
  authorization_endpoint: text,
  userinfo_endpoint: text,
  end_session_endpoint: text,
  token_endpoint: text,
  introspection_endpoint: text,
  revocation_endpoint: text,
  registration_endpoint: text,
  jwks_uri: text,
  response_types_supported: texts,
  response_modes_supported: { type: 'array', items: oneOfTexts(responseModes) },
  grant_types_supported: { type: 'array', items: oneOfTexts(grantTypes) },
  scopes_supported: texts,
  code_challenge_methods_supported: texts,
  authorization_response_iss_parameter_supported: flag,
  request_uri_parameter_supported: flag,
  subject_types_supported: texts,
  token_endpoint_auth_methods_supported: { type: 'array', items: oneOfTexts(clientAuthMethods) },
  token_endpoint_auth_signing_alg_values_supported: texts,
  introspection_endpoint_auth_methods_supported: { type: 'array', items: oneOfTexts(clientAuthMethods) },
  introspection_endpoint_auth_signing_alg_values_supported: texts,
  revocation_endpoint_auth_methods_supported: { type: 'array', items: oneOfTexts(clientAuthMethods) },
  revocation_endpoint_auth_signing_alg_values_supported: texts,
  claims_supported: texts,
} satisfies Record<string, Schema>;

const documents = {
  JsonWebKeySet: closed({ keys: { type: 'array', items: jsonWebKey } }),
  OAuthMetadata: closed(metadata),
  OpenIdMetadata: closed({ ...metadata, id_token_signing_alg_values_supported: texts }),
} satisfies Record<string, Schema>;

/** Of errors, tokens and documents that are always there. */
export const schemas = { ...errors, ...tokens, ...documents };
