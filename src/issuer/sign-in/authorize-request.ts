import type { AuthorizationServer } from '../authorization-server.js';
import type { Client, Clients } from '../clients/clients.js';
import type { AccessPolicy } from '../grants/access-policy.js';
import { OAuthError } from '../oauth-error.js';
import type { OAuthParameters } from '../oauth-parameters.js';

export const responseModes = ['query', 'form_post'] as const;
type ResponseMode = (typeof responseModes)[number];

/** Where the answer goes, in which form. */
export interface ReturnAddress {
  readonly issuer: string;
  readonly redirectUri: string;
  readonly responseMode: ResponseMode;
  /** Given back as it came. */
  readonly state: string | undefined;
}

/** A client's wish that somebody signs in, checked. */
export interface AuthorizeRequest {
  readonly client: Client;
  readonly returnTo: ReturnAddress;
  readonly scopes: readonly string[];
  readonly nonce: string | undefined;
  readonly codeChallenge: string | undefined;
  readonly loginHint: string | undefined;
}

/** The request can't be answered at its redirect URI: the person is told, on a page. */
export class UntrustedRequestError extends Error {
  override readonly name = 'UntrustedRequestError';
}

/** The request is refused; the client is told, at its redirect URI (RFC 6749 section 4.1.2.1). */
export class RefusedRequestError extends Error {
  override readonly name = 'RefusedRequestError';
  readonly returnTo: ReturnAddress;
  readonly refusal: OAuthError;

  constructor(returnTo: ReturnAddress, refusal: OAuthError) {
    super(refusal.message);
    this.returnTo = returnTo;
    this.refusal = refusal;
  }
}

/** OpenID Connect Core section 6: a client that sends its request so must not be answered as if it had not. */
const unsupported = { request: 'request_not_supported', request_uri: 'request_uri_not_supported' } as const;
const s256Challenge = /^[A-Za-z0-9_-]{43}$/;
const maxTextLength = 2048;

/** Reads what /authorize is asked (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1, RFC 7636). */
export class AuthorizeRequests {
  readonly #clients: Clients;
  readonly #policy: AccessPolicy;

  constructor(clients: Clients, policy: AccessPolicy) {
    this.#clients = clients;
    this.#policy = policy;
  }

  /** @throws UntrustedRequestError, RefusedRequestError */
  async read(server: AuthorizationServer, parameters: OAuthParameters): Promise<AuthorizeRequest> {
    const client = await this.#trustedClient(parameters);
    const returnTo = returnAddress(server, parameters);
    try {
      return await this.#readTrusted(server, client, parameters, returnTo);
    } catch (error) {
      throw error instanceof OAuthError ? new RefusedRequestError(returnTo, error) : error;
    }
  }

  /** The client, if it has this redirect URI: to the letter, so that nothing is ever sent elsewhere. */
  async #trustedClient(parameters: OAuthParameters): Promise<Client> {
    const client = await this.#clients.find(parameters.get('client_id') ?? '');
    if (client === undefined) throw new UntrustedRequestError('The client_id is not that of a client.');
    if (!client.redirectUris.includes(parameters.get('redirect_uri') ?? ''))
      throw new UntrustedRequestError('The redirect_uri is not one of those registered for the client.');
    return client;
  }

  async #readTrusted(
    server: AuthorizationServer,
    client: Client,
    parameters: OAuthParameters,
    returnTo: ReturnAddress,
  ): Promise<AuthorizeRequest> {
    checkResponse(client, parameters);
    const codeChallenge = readChallenge(client, parameters);
    const scopes = await this.#policy.scopesFor({
      server,
      client,
      asked: parameters.get('scope'),
      isForPerson: true,
    });
    // There are no sessions: whoever signs in is asked, each time.
    if (parameters.get('prompt')?.split(' ').includes('none') === true)
      throw new OAuthError('login_required', 'The client specified not to prompt, but nobody is signed in.');
    const nonce = parameters.get('nonce');
    return { client, returnTo, scopes, nonce, codeChallenge, loginHint: parameters.get('login_hint') };
  }
}

function returnAddress({ issuer }: AuthorizationServer, parameters: OAuthParameters): ReturnAddress {
  const responseMode = responseModes.find((mode) => mode === parameters.get('response_mode')) ?? 'query';
  const redirectUri = parameters.get('redirect_uri') ?? '';
  return { issuer, redirectUri, responseMode, state: parameters.get('state') };
}

function checkResponse(client: Client, parameters: OAuthParameters): void {
  if (!client.grants.has('authorization_code'))
    throw new OAuthError('unauthorized_client', 'The client is not allowed to use authorization_code.');
  for (const [name, code] of Object.entries(unsupported))
    if (parameters.get(name) !== undefined)
      throw new OAuthError(code, `The '${name}' parameter is not supported.`);
  if (parameters.require('response_type') !== 'code')
    throw new OAuthError('unsupported_response_type', 'The response_type must be code.');
  const mode = parameters.get('response_mode');
  if (mode !== undefined && !responseModes.some((known) => known === mode))
    throw new OAuthError('invalid_request', `The response_mode must be one of ${responseModes.join(', ')}.`);
  for (const name of ['state', 'nonce', 'login_hint'])
    if ((parameters.get(name) ?? '').length > maxTextLength)
      throw new OAuthError('invalid_request', `The '${name}' parameter is too long.`);
}

function readChallenge(client: Client, parameters: OAuthParameters): string | undefined {
  const challenge = parameters.get('code_challenge');
  const method = parameters.get('code_challenge_method');
  if (challenge === undefined && method === undefined) {
    if (client.authMethod !== 'none') return undefined;
    throw new OAuthError('invalid_request', 'PKCE code challenge is required for this client.');
  }
  if (method !== 'S256' || challenge === undefined || !s256Challenge.test(challenge))
    throw new OAuthError('invalid_request', 'The code_challenge must be one by the method S256.');
  return challenge;
}
