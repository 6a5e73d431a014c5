import { describe, expect, it } from 'vitest';
import { createTokenSource, TokenSourceError } from '../../src/token-source/index.js';
import type { TokenSourceOptions } from '../../src/token-source/index.js';

const good = {
  issuer: 'https://idp.test/oauth2/default',
  clientId: 'job',
  clientSecret: 'the-client-secret',
  grant: 'client_credentials',
};

const url = 'must be a URL of https, or of http on loopback';
const text = 'must be a text that is not empty';

describe('the options of a token source', () => {
  it.each([
    {},
    { issuer: 'http://127.0.0.1:8087/oauth2/default' },
    { issuer: 'http://[::1]:8087' },
    { issuer: undefined, tokenEndpoint: 'http://localhost:8087/oauth2/v1/token' },
    { grant: { username: 'u', password: 'p' }, scope: 'openid', audience: 'api://x', token: 'id_token' },
    { grant: { refreshToken: 'r', onRefreshToken: () => undefined }, retries: 0, clockSkewMs: 0 },
    { deadlineMs: 600_000, retries: 10, refreshAheadMs: 0, onRefresh: () => undefined },
  ])('may be %j', async (changes) => {
    await createTokenSource({ ...good, ...changes } as TokenSourceOptions).close();
  });

  it.each([
    { changes: { issuer: undefined }, says: 'one of issuer and tokenEndpoint must be given' },
    {
      changes: { tokenEndpoint: 'https://idp.test/t' },
      says: 'one of issuer and tokenEndpoint must be given',
    },
    { changes: { issuer: 'http://idp.test' }, says: `issuer ${url}` },
    { changes: { issuer: 'http://127.0.0.1.idp.test' }, says: `issuer ${url}` },
    { changes: { issuer: 'https://user:pass@idp.test' }, says: `issuer ${url}` },
    { changes: { issuer: 'https://idp.test?tenant=1' }, says: 'issuer must have no query' },
    { changes: { issuer: 7 }, says: `issuer ${url}` },
    { changes: { issuer: undefined, tokenEndpoint: 'http://idp.test' }, says: `tokenEndpoint ${url}` },
    { changes: { clientId: '' }, says: `clientId ${text}` },
    { changes: { clientSecret: undefined }, says: `clientSecret ${text}` },
    { changes: { scope: ['openid'] }, says: `scope ${text}` },
    { changes: { audience: '' }, says: `audience ${text}` },
    { changes: { ca: Buffer.from('') }, says: `ca ${text}` },
    { changes: { ca: 'ca.crt' }, says: 'ca must be certificates in PEM' },
    { changes: { grant: undefined }, says: `grant.username ${text}; grant.password ${text}` },
    { changes: { grant: 'password' }, says: `grant.username ${text}; grant.password ${text}` },
    { changes: { grant: { username: 'u' } }, says: `grant.password ${text}` },
    { changes: { grant: { refreshToken: '' } }, says: `grant.refreshToken ${text}` },
    {
      changes: { grant: { refreshToken: 'r', onRefreshToken: 'x' } },
      says: 'grant.onRefreshToken must be a function',
    },
    {
      changes: { clientAuthentication: 'none' },
      says: 'clientAuthentication must be client_secret_basic or client_secret_post',
    },
    { changes: { token: 'refresh_token' }, says: 'token must be access_token or id_token' },
    { changes: { deadlineMs: 0 }, says: 'deadlineMs must be a whole number from 1 to 600000' },
    { changes: { deadlineMs: '100' }, says: 'deadlineMs must be a whole number from 1 to 600000' },
    { changes: { retries: 11 }, says: 'retries must be a whole number from 0 to 10' },
    { changes: { retries: null }, says: 'retries must be a whole number from 0 to 10' },
    { changes: { clockSkewMs: NaN }, says: 'clockSkewMs must be a whole number from 0 to 600000' },
    { changes: { refreshAheadMs: -1 }, says: 'refreshAheadMs must be a whole number from 0 to 86400000' },
    { changes: { onRefresh: 'log' }, says: 'onRefresh must be a function' },
    { changes: { scopes: 'openid' }, says: 'there is no option scopes' },
    {
      changes: { clientId: '', token: 'x' },
      says: `clientId ${text}; token must be access_token or id_token`,
    },
  ])('may not be $changes: $says', ({ changes, says }) => {
    const create = () => createTokenSource({ ...good, ...changes } as TokenSourceOptions);
    expect(create).toThrow(new TokenSourceError('invalid_options', says));
    expect(create).toThrow(expect.objectContaining({ code: 'invalid_options' }) as Error);
  });
});
