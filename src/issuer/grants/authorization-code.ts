import { hash } from 'node:crypto';
import { OAuthError } from '../oauth-error.js';
import type { OAuthParameters } from '../oauth-parameters.js';
import type { AuthorizationCodes, CodeGrant } from '../tokens/authorization-codes.js';
import type { Users } from '../users/users.js';
import type { Grant, TokenRequest, TokenResponse } from './token-response.js';
import type { UserTokens } from './user-tokens.js';

export interface AuthorizationCodeGrantOptions {
  readonly codes: AuthorizationCodes;
  readonly users: Users;
  readonly tokens: UserTokens;
}

/** RFC 7636 section 4.1. */
const codeVerifier = /^[A-Za-z0-9\-._~]{43,128}$/;

/** RFC 6749 section 4.1.3, with PKCE (RFC 7636). */
export class AuthorizationCodeGrant implements Grant {
  readonly #options: AuthorizationCodeGrantOptions;

  constructor(options: AuthorizationCodeGrantOptions) {
    this.#options = options;
  }

  /** @throws OAuthError `invalid_grant`, the same for whatever is wrong with the code */
  async answer({ server, client, parameters }: TokenRequest): Promise<TokenResponse> {
    const { codes, users, tokens } = this.#options;
    const code = parameters.require('code');
    const grant = await codes.take(code, client.id);
    if (grant?.serverId !== server.id || !isMeant(grant, parameters)) throw invalid();
    const user = await users.find(grant.userId);
    if (user === undefined) throw invalid();
    const { scopes, authTime, nonce } = grant;
    const signIn = { server, client, user, scopes, authTime, nonce: nonce ?? undefined };
    const { response, familyId, jti } = await tokens.issue(signIn);
    await codes.given(code, { familyId, jti });
    return response;
  }
}

/** Whether who presents the code is who asked for it (RFC 6749 section 4.1.3, RFC 7636 section 4.6). */
function isMeant({ redirectUri, codeChallenge }: CodeGrant, parameters: OAuthParameters): boolean {
  if (parameters.get('redirect_uri') !== redirectUri) return false;
  const verifier = parameters.get('code_verifier');
  // A verifier without a challenge: the request was tampered with (RFC 9700 section 2.1.1).
  if (codeChallenge === null) return verifier === undefined;
  return (
    verifier !== undefined &&
    codeVerifier.test(verifier) &&
    hash('sha256', verifier, 'base64url') === codeChallenge
  );
}

function invalid(): OAuthError {
  return new OAuthError('invalid_grant', 'The authorization code is invalid or has expired.');
}
