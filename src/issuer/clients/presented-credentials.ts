import { OAuthError } from '../oauth-error.js';
import type { OAuthParameters } from '../oauth-parameters.js';
import { readBasic } from './basic-credentials.js';
import { jwtBearerType, readClientAssertion } from './client-assertion.js';
import type { AssertionExpectations, ClientAssertion } from './client-assertion.js';

/** The parts of a request that can carry client credentials (RFC 6749 section 2.3, RFC 7521 section 4.2). */
export interface ClientCredentialsCarrier {
  readonly parameters: OAuthParameters;
  /** Every Authorization header. */
  readonly authorization: readonly string[];
}

/** What a request says about its client, not yet believed. */
export type PresentedCredentials =
  | { readonly kind: 'secret'; readonly id: string; readonly secret: string }
  | { readonly kind: 'assertion'; readonly id: string; readonly assertion: ClientAssertion }
  | { readonly kind: 'none'; readonly id: string };

/**
 * One authentication out of a request.
 *
 * @throws OAuthError 401 `invalid_request` for several at once, 401 `invalid_client` for none or a malformed one
 */
export function readPresentedCredentials(
  { parameters, authorization }: ClientCredentialsCarrier,
  expected: AssertionExpectations,
): PresentedCredentials {
  const id = parameters.get('client_id');
  const secret = parameters.get('client_secret');
  const assertion = parameters.get('client_assertion');
  const hasAssertion = assertion !== undefined || parameters.get('client_assertion_type') !== undefined;
  if (authorization.length + Number(secret !== undefined) + Number(hasAssertion) > 1)
    throw new OAuthError('invalid_request', 'Client credentials are given more than once.', 401);
  const [header] = authorization;
  if (header !== undefined) return checkSameId(fromBasic(header), id);
  if (hasAssertion) return checkSameId(fromAssertion(parameters, assertion ?? '', expected), id);
  if (id === undefined) throw noCredentials();
  return secret === undefined ? { kind: 'none', id } : { kind: 'secret', id, secret };
}

function fromBasic(header: string): PresentedCredentials {
  const credentials = readBasic(header);
  if (credentials === undefined) throw noCredentials();
  return { kind: 'secret', ...credentials };
}

function fromAssertion(
  parameters: OAuthParameters,
  jwt: string,
  expected: AssertionExpectations,
): PresentedCredentials {
  const isBearer = parameters.get('client_assertion_type') === jwtBearerType;
  const assertion = isBearer ? readClientAssertion(jwt, expected) : undefined;
  if (assertion === undefined)
    throw new OAuthError(
      'invalid_client',
      `The client_assertion is not acceptable: client_assertion_type ${jwtBearerType}, a JWT with iss = sub = client id, ` +
        'aud this endpoint or its issuer, exp at most an hour ahead, and a jti.',
      401,
    );
  return { kind: 'assertion', id: assertion.clientId, assertion };
}

function checkSameId(credentials: PresentedCredentials, id: string | undefined): PresentedCredentials {
  if (id !== undefined && id !== credentials.id)
    throw new OAuthError('invalid_request', 'The client_id is not the one that authenticates.', 401);
  return credentials;
}

/** The same words for a client that must authenticate and one that there is not. */
export function noCredentials(): OAuthError {
  return new OAuthError(
    'invalid_client',
    'Client authentication is required: Basic, client_id and client_secret in the body, or a client_assertion.',
    401,
  );
}
