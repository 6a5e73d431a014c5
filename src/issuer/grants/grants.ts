import { OAuthError } from '../oauth-error.js';
import { grantTypes } from '../store/schema.js';
import type { GrantType } from '../store/schema.js';
import type { Grant, TokenRequest, TokenResponse } from './token-response.js';

/** What the token endpoint offers, by `grant_type`. */
export class Grants {
  readonly #grants: Readonly<Partial<Record<GrantType, Grant>>>;

  constructor(grants: Readonly<Partial<Record<GrantType, Grant>>>) {
    this.#grants = grants;
  }

  /** @throws OAuthError */
  answer(request: TokenRequest): Promise<TokenResponse> {
    const asked = request.parameters.require('grant_type');
    const grantType = grantTypes.find((name) => name === asked);
    const grant = grantType && this.#grants[grantType];
    if (grant === undefined || grantType === undefined)
      throw new OAuthError(
        'unsupported_grant_type',
        'The authorization server does not offer this grant_type.',
      );
    if (!request.client.grants.has(grantType))
      throw new OAuthError('unauthorized_client', 'The client is not allowed to use this grant_type.');
    return grant.answer(request);
  }
}
