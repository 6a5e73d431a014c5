import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.js';
import type { AttemptLimiter } from '../abuse/attempt-limiter.js';
import { OAuthError } from '../oauth-error.js';
import type { User, Users } from '../users/users.js';
import type { AccessPolicy } from './access-policy.js';
import type { Grant, TokenRequest, TokenResponse } from './token-response.js';
import type { UserTokens } from './user-tokens.js';

export interface PasswordGrantOptions {
  readonly policy: AccessPolicy;
  readonly users: Users;
  readonly limiter: AttemptLimiter;
  readonly tokens: UserTokens;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * RFC 6749 section 4.3, for programs that can't do better. RFC 9700 section 2.4 says that it must not be used: only
 * clients that were given it can.
 */
export class PasswordGrant implements Grant {
  readonly #options: PasswordGrantOptions;

  constructor(options: PasswordGrantOptions) {
    this.#options = options;
  }

  /** @throws OAuthError `invalid_grant`, the same for unknown people and wrong passwords; OktaApiError 429; BusyError */
  async answer({ server, client, parameters, source }: TokenRequest): Promise<TokenResponse> {
    const { policy, tokens, clock, logger } = this.#options;
    const [login, password] = [parameters.require('username'), parameters.require('password')];
    const scopes = await policy.scopesFor({
      server,
      client,
      asked: parameters.get('scope'),
      isForPerson: true,
    });
    const user = await this.#authenticate(login, password, source);
    logger.warn(
      { clientId: client.id },
      'the password grant is deprecated (RFC 9700 section 2.4): use authorization_code with PKCE',
    );
    const authTime = Math.floor(clock() / 1000);
    const { response } = await tokens.issue({ server, client, user, scopes, authTime });
    return response;
  }

  async #authenticate(login: string, password: string, source: string): Promise<User> {
    const { users, limiter } = this.#options;
    limiter.check(login, source);
    const user = await users.authenticate(login, password);
    if (user === undefined) {
      limiter.failed(login, source);
      throw new OAuthError('invalid_grant', 'The credentials provided were invalid.');
    }
    limiter.succeeded(login, source);
    return user;
  }
}
