import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.js';
import type { AttemptLimiter } from '../abuse/attempt-limiter.js';
import { OAuthError } from '../oauth-error.js';
import type { OAuthParameters } from '../oauth-parameters.js';
import type { Peppers } from '../peppers.js';
import { audiencesAt } from './client-assertion.js';
import type { ClientAssertion, ClientAssertions } from './client-assertion.js';
import { isSecretOf } from './client-secret.js';
import type { Client, Clients } from './clients.js';
import { noCredentials, readPresentedCredentials } from './presented-credentials.js';
import type { ClientCredentialsCarrier, PresentedCredentials } from './presented-credentials.js';

export interface AuthenticatingRequest extends ClientCredentialsCarrier {
  /** Of the endpoint, without the query: what an assertion must be meant for. */
  readonly path: string;
  /** Where failures are counted. */
  readonly source: string;
}

export interface ClientAuthenticationOptions {
  readonly clients: Clients;
  readonly assertions: ClientAssertions;
  readonly limiter: AttemptLimiter;
  readonly peppers: Peppers;
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Development only: URLs end up in logs and histories. */
  readonly allowSecretInQuery: boolean;
}

/**
 * Basic and post, which are interchangeable, private_key_jwt, and none: each client by its own method, one at a time.
 */
export class ClientAuthentication {
  readonly #options: ClientAuthenticationOptions;

  constructor(options: ClientAuthenticationOptions) {
    this.#options = options;
  }

  /**
   * @throws OAuthError `invalid_client`, with the same answer after the same work for clients that there are not, wrong
   *   credentials, and another method than the client's; OktaApiError 429 after too many of those
   */
  async authenticate(request: AuthenticatingRequest): Promise<Client> {
    const { baseUrl, clock, limiter } = this.#options;
    const presented = readPresentedCredentials(request, {
      audiences: audiencesAt(request.path, baseUrl),
      now: clock() / 1000,
    });
    this.#checkQuery(request.parameters, presented.id);
    limiter.check(presented.id, request.source);
    const client = await this.#verify(presented);
    if (client === undefined) {
      limiter.failed(presented.id, request.source);
      throw presented.kind === 'none' ? noCredentials() : wrongCredentials();
    }
    limiter.succeeded(presented.id, request.source);
    return client;
  }

  #verify(presented: PresentedCredentials): Promise<Client | undefined> {
    switch (presented.kind) {
      case 'secret':
        return this.#bySecret(presented.id, presented.secret);
      case 'assertion':
        return this.#byAssertion(presented.assertion);
      case 'none':
        return this.#byIdAlone(presented.id);
    }
  }

  /** What is remembered can only let in: every refusal has cost one read, whether or not there is such a client. */
  async #bySecret(id: string, secret: string): Promise<Client | undefined> {
    const known = this.#options.clients.peek(id);
    if (this.#hasSecret(known, secret)) return known;
    const client = await this.#options.clients.findFresh(id);
    return this.#hasSecret(client, secret) ? client : undefined;
  }

  #hasSecret(client: Client | undefined, secret: string): boolean {
    const isByMethod =
      client?.authMethod === 'client_secret_basic' || client?.authMethod === 'client_secret_post';
    return isSecretOf(isByMethod ? client.secret : undefined, secret, this.#options.peppers);
  }

  async #byAssertion(assertion: ClientAssertion): Promise<Client | undefined> {
    const { clients, assertions } = this.#options;
    const client = await clients.findFresh(assertion.clientId);
    const jwks = client?.authMethod === 'private_key_jwt' ? client.jwks : undefined;
    // Only what the client signed is noted as used: nobody else can use up its ids.
    const isGood = (await assertions.isSigned(assertion, jwks)) && (await assertions.use(assertion));
    return isGood ? client : undefined;
  }

  async #byIdAlone(id: string): Promise<Client | undefined> {
    const client = await this.#options.clients.findFresh(id);
    return client?.authMethod === 'none' ? client : undefined;
  }

  #checkQuery(parameters: OAuthParameters, clientId: string): void {
    if (!parameters.isInQuery('client_secret') && !parameters.isInQuery('client_assertion')) return;
    const { allowSecretInQuery, logger } = this.#options;
    if (!allowSecretInQuery)
      throw new OAuthError('invalid_request', 'Client credentials cannot be supplied via query parameters.');
    logger.warn(
      { clientId },
      'a client sent its secret in the URL, where logs and proxies see it; Okta refuses that',
    );
  }
}

function wrongCredentials(): OAuthError {
  return new OAuthError(
    'invalid_client',
    'Client authentication failed: no such client, or not its credentials.',
    401,
  );
}
