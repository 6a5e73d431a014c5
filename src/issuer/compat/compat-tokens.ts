import type { AuthorizationServer, AuthorizationServers } from '../authorization-server.js';
import type { Client } from '../clients/clients.js';
import { OAuthError } from '../oauth-error.js';
import type { AccessTokenClaims, AccessTokens } from '../tokens/access-tokens.js';
import type { IssuedTokens } from '../tokens/issued-tokens.js';

export interface CompatTokensParts {
  readonly servers: AuthorizationServers;
  readonly tokens: AccessTokens;
  readonly issued: IssuedTokens;
}

/** What the token dealer signed with, and for how long: its clients have both written down. */
export const compatAlgorithm = 'RS512';
const compatSeconds = 86_400;
const defaultServer = 'default';

/** Tokens in the ways of the two services that this issuer takes over from. */
export class CompatTokens {
  readonly #parts: CompatTokensParts;

  constructor(parts: CompatTokensParts) {
    this.#parts = parts;
  }

  /** A token for an audience, as the token dealer gave it. @throws OAuthError `access_denied` for a foreign audience */
  async forAudience(client: Client, audience: string): Promise<string> {
    const server = await this.#serverFor(client, audience);
    if (server === undefined)
      throw new OAuthError('access_denied', 'The client may not get tokens for this audience.');
    const { token } = await this.#parts.tokens.issue({
      server,
      clientId: client.id,
      scopes: [...(client.access.get(server.id) ?? [])],
      algorithm: compatAlgorithm,
      seconds: compatSeconds,
    });
    return token;
  }

  /** A token with everything that the client may do at the default server. @throws OAuthError `access_denied` */
  async forClient(client: Client): Promise<{ readonly token: string; readonly claims: AccessTokenClaims }> {
    const scopes = client.access.get(defaultServer);
    const server = scopes && (await this.#parts.servers.find(defaultServer));
    if (server === undefined) throw new OAuthError('access_denied', 'The client may not get tokens here.');
    return this.#parts.tokens.issue({ server, clientId: client.id, scopes: [...(scopes ?? [])] });
  }

  /** The claims of a token that is good now. */
  async liveClaims(token: string): Promise<AccessTokenClaims | undefined> {
    const claims = await this.#parts.tokens.readAny(token);
    return claims !== undefined && (await this.#parts.issued.isLive(claims.jti)) ? claims : undefined;
  }

  /** @returns whether there was something to revoke */
  async revoke(token: string): Promise<boolean> {
    const claims = await this.#parts.tokens.readAny(token);
    if (claims === undefined) return false;
    await this.#parts.issued.revoke(claims.jti);
    return true;
  }

  /** Out of the servers that the access policy opens to the client. */
  async #serverFor(client: Client, audience: string): Promise<AuthorizationServer | undefined> {
    const open = await Promise.all([...client.access.keys()].map((id) => this.#parts.servers.find(id)));
    return open.find((server) => server?.audience === audience);
  }
}
