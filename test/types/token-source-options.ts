/**
 * Combinations of options that can't work can't be written down. Compiled, never run: an expected error that does not
 * come up is an error itself.
 */
import { createTokenSource } from '../../src/token-source/index.js';
import type { TokenErrorCode, TokenSourceError, TokenSourceOptions } from '../../src/token-source/index.js';

const client = { clientId: 'a', clientSecret: 'b', grant: 'client_credentials' } as const;

export const byIssuer: TokenSourceOptions = { ...client, issuer: 'https://idp.test' };
export const byEndpoint: TokenSourceOptions = { ...client, tokenEndpoint: 'https://idp.test/v1/token' };

// @ts-expect-error nowhere to ask
export const nowhere: TokenSourceOptions = client;

// @ts-expect-error the issuer's metadata tells the endpoint
export const both: TokenSourceOptions = { ...byIssuer, tokenEndpoint: 'https://idp.test/v1/token' };

// @ts-expect-error a person has a password
export const withoutPassword: TokenSourceOptions = { ...byIssuer, grant: { username: 'roach' } };

const grantOfTwo = { username: 'a', password: 'b', onRefreshToken: () => undefined };
// @ts-expect-error a password has no refresh token to tell of
export const told: TokenSourceOptions = { ...byIssuer, grant: grantOfTwo };

// @ts-expect-error a refresh token is nobody's password
export const refreshTokenAsToken: TokenSourceOptions = { ...byIssuer, token: 'refresh_token' };

const source = createTokenSource(byIssuer);
export const password: () => Promise<string> = source.asPassword();
export const header: () => Promise<Record<string, string>> = source.asHeader();

export function isWorthWaiting({ code, retryAfterMs = 0 }: TokenSourceError): boolean {
  const codes: readonly TokenErrorCode[] = ['unavailable', 'timeout'];
  return codes.includes(code) && retryAfterMs < 60_000;
}

// @ts-expect-error there is no such code
export const unknownCode: TokenErrorCode = 'failed';
