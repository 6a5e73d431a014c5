/** Error codes of RFC 6749 sections 4.1.2.1 and 5.2, and of OpenID Connect Core section 3.1.2.6. */
export type OAuthErrorCode =
  | 'invalid_client'
  | 'invalid_request'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'invalid_scope'
  | 'access_denied'
  | 'login_required'
  | 'request_not_supported'
  | 'request_uri_not_supported';

/** A refusal in OAuth's form: `{error, error_description}`. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly status: 400 | 401;
  readonly code: OAuthErrorCode;

  /** @param description for the developer of the client; never repeats what was sent at length */
  constructor(code: OAuthErrorCode, description: string, status: 400 | 401 = 400) {
    super(description);
    this.code = code;
    this.status = status;
  }
}

/** The authorization server in the path does not exist: Okta's own form, 404 `E0000007`. */
export class UnknownServerError extends Error {
  override readonly name = 'UnknownServerError';
  readonly serverId: string;

  constructor(serverId: string) {
    super('unknown authorization server');
    this.serverId = serverId;
  }
}
