/**
 * Why there is no token. Programs switch on these.
 *
 * The six of RFC 6749 section 5.2 are the server's own word; what else it may refuse with is `refused`.
 */
export type TokenErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'refused'
  | 'unavailable' // no connection, 429 or 5xx, after the last retry
  | 'timeout' // no answer before the deadline
  | 'bad_response' // an answer that is none: misshapen, too large, redirected, not Bearer, already expired
  | 'aborted' // the caller's own signal
  | 'closed' // by close()
  | 'not_kept' // onRefreshToken threw; told to onRefresh only
  | 'invalid_options';

export interface TokenErrorDetails {
  /** What the server asked for by Retry-After, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** The caller's own reason of an abort, or the system's code of a network error; never what was sent or received. */
  readonly cause?: unknown;
}

/** No token could be had. Neither message nor cause has a secret, a token or text of the server in it. */
export class TokenSourceError extends Error {
  override readonly name = 'TokenSourceError';
  readonly code: TokenErrorCode;
  readonly retryAfterMs?: number;

  constructor(code: TokenErrorCode, message: string, { retryAfterMs, cause }: TokenErrorDetails = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}
