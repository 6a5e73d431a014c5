import type { IncomingMessage } from 'node:http';
import { extractBearer } from '../../token/bearer.js';
import type { Client, Clients } from '../clients/clients.js';
import { OktaApiError } from '../okta-api-error.js';
import type { AccessTokens } from '../tokens/access-tokens.js';
import type { IssuedTokens } from '../tokens/issued-tokens.js';

/** The scope of tokens that manage the issuer; whichever server gave them, their client must be an admin. */
export const adminScope = 'okta.clients.manage';

export interface AdminAccessOptions {
  readonly clients: Clients;
  readonly tokens: AccessTokens;
  readonly issued: IssuedTokens;
}

/** Who may change clients, order faults and the like. */
export class AdminAccess {
  readonly #options: AdminAccessOptions;

  constructor(options: AdminAccessOptions) {
    this.#options = options;
  }

  /**
   * The admin client whose access token the request carries (RFC 6750 section 2.1).
   *
   * @throws OktaApiError 401 `E0000011` without a live access token of this issuer, 403 `E0000006` where it has not the
   *   scope, or its client is no admin any more
   */
  async check({ rawHeaders, url = '' }: Pick<IncomingMessage, 'rawHeaders' | 'url'>): Promise<Client> {
    const { clients, tokens, issued } = this.#options;
    const bearer = extractBearer(rawHeaders, url);
    if (!bearer.ok) throw invalidToken();
    const claims = await tokens.readAny(bearer.value);
    if (claims === undefined || !(await issued.isLive(claims.jti))) throw invalidToken();
    const client = await clients.find(claims.cid);
    if (client?.isAdmin !== true || !claims.scp.includes(adminScope)) throw notPermitted();
    return client;
  }
}

function invalidToken(): OktaApiError {
  const headers = { 'www-authenticate': `Bearer realm="issuer", scope="${adminScope}"` };
  return new OktaApiError(401, 'E0000011', 'Invalid token provided', { headers });
}

function notPermitted(): OktaApiError {
  const headers = {
    'www-authenticate': `Bearer realm="issuer", error="insufficient_scope", scope="${adminScope}"`,
  };
  return new OktaApiError(403, 'E0000006', 'You do not have permission to perform the requested action', {
    headers,
  });
}
