import type { Logger } from 'pino';
import { OAuthError } from '../oauth-error.js';
import type { OAuthParameters } from '../oauth-parameters.js';
import type { Peppers } from '../peppers.js';
import { isSecretOf } from './client-secret.js';
import type { Client, Clients } from './clients.js';

/** The parts of a request that can carry client credentials (RFC 6749 section 2.3.1). */
export interface ClientCredentialsCarrier {
  readonly parameters: OAuthParameters;
  /** Every Authorization header. */
  readonly authorization: readonly string[];
}

interface Credentials {
  readonly id: string;
  readonly secret: string;
}

export interface ClientAuthenticationOptions {
  readonly clients: Clients;
  readonly peppers: Peppers;
  readonly logger: Logger;
  /** Development only: URLs end up in logs and histories. */
  readonly allowSecretInQuery: boolean;
}

/** Basic and post, interchangeable for every client, one of them at a time. */
export class ClientAuthentication {
  readonly #options: ClientAuthenticationOptions;

  constructor(options: ClientAuthenticationOptions) {
    this.#options = options;
  }

  /** @throws OAuthError `invalid_client` with the same answer for unknown clients and wrong secrets */
  async authenticate(carrier: ClientCredentialsCarrier): Promise<Client> {
    const { id, secret } = this.#credentials(carrier);
    const { clients, peppers } = this.#options;
    const client = await clients.find(id);
    if (!isSecretOf(client?.secret, secret, peppers) || client === undefined) throw wrongCredentials();
    return client;
  }

  #credentials({ parameters, authorization }: ClientCredentialsCarrier): Credentials {
    const id = parameters.get('client_id');
    const secret = parameters.get('client_secret');
    const [header, ...others] = authorization;
    if (others.length > 0 || (header !== undefined && secret !== undefined))
      throw new OAuthError('invalid_request', 'Client credentials are given more than once.', 401);
    if (header !== undefined) return checkSameId(readBasic(header), id);
    if (id === undefined || secret === undefined) throw noCredentials();
    if (parameters.isInQuery('client_secret')) this.#checkSecretInQuery(id);
    return { id, secret };
  }

  #checkSecretInQuery(clientId: string): void {
    const { allowSecretInQuery, logger } = this.#options;
    if (!allowSecretInQuery)
      throw new OAuthError('invalid_request', 'Client credentials cannot be supplied via query parameters.');
    logger.warn(
      { clientId },
      'a client sent its secret in the URL, where logs and proxies see it; Okta refuses that',
    );
  }
}

const basicCredentials = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

/** RFC 7617, with RFC 6749's form encoding of both parts. */
function readBasic(header: string): Credentials {
  const encoded = basicCredentials.exec(header)?.[1];
  if (encoded === undefined) throw noCredentials();
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 1 || text.includes('\0')) throw noCredentials();
  return { id: formDecode(text.slice(0, colon)), secret: formDecode(text.slice(colon + 1)) };
}

function formDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    // Clients that know nothing of the encoding send the text as it is.
    return text;
  }
}

function checkSameId(credentials: Credentials, id: string | undefined): Credentials {
  if (id !== undefined && id !== credentials.id)
    throw new OAuthError('invalid_request', 'The client_id is not the one in the Authorization header.', 401);
  return credentials;
}

function noCredentials(): OAuthError {
  return new OAuthError(
    'invalid_client',
    'Client authentication is required: Basic, or client_id and client_secret in the body.',
    401,
  );
}

function wrongCredentials(): OAuthError {
  return new OAuthError(
    'invalid_client',
    'Client authentication failed: no such client, or not its secret.',
    401,
  );
}
