import { accept } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';
import { discoverTokenEndpoint } from './discovery.js';
import { millisecondsSince, momentOf } from './timing.js';
import type { Timing } from './timing.js';
import { tokenRequest } from './token-request.js';
import type { GrantParameters } from './token-request.js';
import { readTokenResponse } from './token-response.js';
import type { TokenResponse } from './token-response.js';
import type { TokenErrorCode } from './token-source-error.js';
import type { TokenSourceOptions } from './token-source-options.js';
import type { Transport, TransportFailure } from './transport.js';

/** Asks the token endpoint, which is looked up once. */
export class TokenEndpoint {
  readonly #options: TokenSourceOptions;
  readonly #transport: Transport;
  readonly #timing: Timing;
  #url: URL | undefined;

  constructor(options: TokenSourceOptions, transport: Transport, timing: Timing) {
    this.#options = options;
    this.#transport = transport;
    this.#timing = timing;
    if (options.tokenEndpoint !== undefined) this.#url = new URL(options.tokenEndpoint);
  }

  /** @param deadline by the steady clock */
  async request(
    parameters: GrantParameters,
    deadline: number,
  ): Promise<Outcome<TokenResponse, TokenErrorCode>> {
    const endpoint = await this.#locate(deadline);
    if (!endpoint.ok) return endpoint;
    const at = momentOf(this.#timing);
    const request = tokenRequest(this.#options, parameters);
    const answer = await this.#transport.send({ method: 'POST', url: endpoint.value, ...request }, deadline);
    if (!answer.ok) return answer;
    const ageMs = millisecondsSince(at, this.#timing);
    return readTokenResponse(answer.value, this.#options.token ?? 'access_token', { at, ageMs });
  }

  async #locate(deadline: number): Promise<Outcome<URL, TransportFailure>> {
    if (this.#url !== undefined) return accept(this.#url);
    const { issuer = '' } = this.#options;
    const found = await discoverTokenEndpoint(issuer, this.#transport, deadline);
    if (found.ok) this.#url = found.value;
    return found;
  }
}
