import type { TokenSourceError } from './token-source-error.js';

/** A person's credentials, for programs that can't do better (RFC 6749 section 4.3; RFC 9700 section 2.4 advises against it). */
export interface PasswordGrant {
  readonly username: string;
  readonly password: string;
  readonly refreshToken?: never;
  readonly onRefreshToken?: never;
}

/** A refresh token that was had elsewhere (RFC 6749 section 6). */
export interface RefreshTokenGrant {
  readonly username?: never;
  readonly password?: never;
  readonly refreshToken: string;
  /**
   * Hears of each new refresh token before the token that came with it is handed out. Servers that rotate accept the
   * old one no more: a program that starts again later has to keep the new one. What it throws is
   * told to `onRefresh`, as `not_kept`, and costs nobody the token. `close()` waits for it.
   */
  readonly onRefreshToken?: (refreshToken: string) => unknown;
}

/** How a fetch ended, for logs and metrics; there is no token in it. */
export type RefreshEvent =
  | {
      readonly ok: true;
      /** Until when the token is handed out, in milliseconds since the epoch; null when the server tells no expiry. */
      readonly usableUntil: number | null;
    }
  | { readonly ok: false; readonly error: TokenSourceError };

interface ServerByIssuer {
  /** Such as `https://dev-1.okta.com/oauth2/default`; its metadata tells the token endpoint. https unless on loopback. */
  readonly issuer: string;
  readonly tokenEndpoint?: never;
}

interface ServerByEndpoint {
  readonly issuer?: never;
  /** The token endpoint itself, without discovery. https unless on loopback. */
  readonly tokenEndpoint: string;
}

export type TokenSourceOptions = (ServerByIssuer | ServerByEndpoint) & {
  readonly clientId: string;
  readonly clientSecret: string;
  /** How the secret is sent (RFC 6749 section 2.3.1). Default: `client_secret_basic`. */
  readonly clientAuthentication?: 'client_secret_basic' | 'client_secret_post';
  /**
   * With a password and the scope `offline_access` the password is sent once; from then on the refresh token is used,
   * until the server refuses that.
   */
  readonly grant: 'client_credentials' | PasswordGrant | RefreshTokenGrant;
  /** Space-separated, such as `openid offline_access`. Default: what the server gives by default. */
  readonly scope?: string;
  /** For servers that want to be told. Okta doesn't. */
  readonly audience?: string;
  /** Which token of the answer is handed out. Default: `access_token`. */
  readonly token?: 'access_token' | 'id_token';
  /** Discovery, all attempts and the pauses between them, in milliseconds. Default: 10,000; 1 to 600,000. */
  readonly deadlineMs?: number;
  /** Further attempts after a network error, 429 or 5xx, within the deadline. Default: 3; 0 to 10. */
  readonly retries?: number;
  /**
   * How long before it may be handed out no more a token is replaced in the background, in milliseconds, plus up to a
   * quarter as jitter; never more than half of that time. 0: not in the background. Default: a fifth of its life; 0 to
   * 86,400,000.
   */
  readonly refreshAheadMs?: number;
  /**
   * For the clocks of others that go ahead of this one: a token is handed out until so many milliseconds before its
   * end, or a quarter of its life if that is less. Default: 30,000; 0 to 600,000.
   */
  readonly clockSkewMs?: number;
  /** Certificates in PEM to trust instead of those that Node brings along. */
  readonly ca?: string;
  /** Hears how each fetch ended, those in the background too. What it throws is ignored. */
  readonly onRefresh?: (event: RefreshEvent) => unknown;
};
