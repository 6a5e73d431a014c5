import type { GrantParameters } from './token-request.js';
import type { PasswordGrant, RefreshTokenGrant, TokenSourceOptions } from './token-source-options.js';
import type { TokenErrorCode } from './token-source-error.js';

type Grant = TokenSourceOptions['grant'];

/** Refusals of a refresh token, or of refreshing at all, that another grant may not meet. */
const refreshRefusals: ReadonlySet<TokenErrorCode> = new Set([
  'invalid_grant',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
  'bad_response',
]);

/** Knows what to send next: the grant that was configured, or the refresh token that came of it. */
export class Grants {
  /** Undefined where a refresh token is all there is. */
  readonly #original: GrantParameters | undefined;
  /** What a refresh is limited to; without, the scopes stay those of the sign-in (RFC 6749 section 6). */
  readonly #refreshScope: GrantParameters;
  readonly #onRefreshToken: (refreshToken: string) => void;
  #refreshToken: string | undefined;
  /** Settles when all that was told to onRefreshToken has been taken in. */
  #told: Promise<unknown> = Promise.resolve();

  /** Whether the caller keeps refresh tokens, so that none may be lost. */
  readonly areKept: boolean;

  /** @param onFault hears what the caller's onRefreshToken throws */
  constructor(options: TokenSourceOptions, onFault: (fault: unknown) => void) {
    const { grant } = options;
    const isRefresh = isRefreshTokenGrant(grant);
    this.#original = isRefresh ? undefined : originalOf(grant, options);
    this.#refreshScope = isRefresh ? scopeOf(options) : {};
    if (isRefresh) this.#refreshToken = grant.refreshToken;
    this.areKept = isRefresh && grant.onRefreshToken !== undefined;
    this.#onRefreshToken = (refreshToken) => {
      if (isRefresh) this.#told = Promise.all([this.#told, tell(grant, refreshToken, onFault)]);
    };
  }

  parameters(): GrantParameters {
    if (this.#refreshToken === undefined) return this.#original ?? {};
    return { grant_type: 'refresh_token', refresh_token: this.#refreshToken, ...this.#refreshScope };
  }

  /** Takes the refresh token of an answer; without one, the old one stays (RFC 6749 section 6). */
  adopt(refreshToken: string | undefined): void {
    if (refreshToken === undefined || refreshToken === this.#refreshToken) return;
    // Machines ask anew: RFC 6749 section 4.4.3 has no refresh token for them.
    if (this.#original?.grant_type === 'client_credentials') return;
    this.#refreshToken = refreshToken;
    this.#onRefreshToken(refreshToken);
  }

  /** Settles when the caller has taken in all that was told. */
  async told(): Promise<void> {
    await this.#told;
  }

  /** Goes back to the grant that was configured. @returns whether that is another request than the one that was sent */
  fallBack(sent: GrantParameters, code: TokenErrorCode): boolean {
    if (this.#original === undefined || sent === this.#original) return false;
    if (!refreshRefusals.has(code)) return false;
    this.#refreshToken = undefined;
    return true;
  }
}

function isRefreshTokenGrant(grant: Grant): grant is RefreshTokenGrant {
  return typeof grant === 'object' && grant.refreshToken !== undefined;
}

function originalOf(
  grant: 'client_credentials' | PasswordGrant,
  options: TokenSourceOptions,
): GrantParameters {
  const { audience } = options;
  const more = { ...scopeOf(options), ...(audience === undefined ? {} : { audience }) };
  if (grant === 'client_credentials') return { grant_type: grant, ...more };
  return { grant_type: 'password', username: grant.username, password: grant.password, ...more };
}

function scopeOf({ scope }: TokenSourceOptions): GrantParameters {
  return scope === undefined ? {} : { scope };
}

/** At once, so that it is done before the token is handed out; faults of it cost nobody the token. */
function tell(
  { onRefreshToken }: RefreshTokenGrant,
  refreshToken: string,
  onFault: (fault: unknown) => void,
): Promise<void> {
  const told = async (): Promise<void> => {
    await onRefreshToken?.(refreshToken);
  };
  return told().catch(onFault);
}
