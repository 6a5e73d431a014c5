import type { TokenSourceOptions } from './token-source-options.js';

/** Parameters of a token request besides the client's own. */
export type GrantParameters = Readonly<Record<string, string>>;

export interface TokenRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type ClientOptions = Pick<TokenSourceOptions, 'clientId' | 'clientSecret' | 'clientAuthentication'>;

/** A request to the token endpoint with the client's authentication (RFC 6749 section 2.3.1). */
export function tokenRequest(options: ClientOptions, parameters: GrantParameters): TokenRequest {
  const { clientId, clientSecret, clientAuthentication = 'client_secret_basic' } = options;
  const isBasic = clientAuthentication === 'client_secret_basic';
  const client = isBasic ? undefined : { client_id: clientId, client_secret: clientSecret };
  return {
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...(isBasic ? { authorization: basicCredentials(clientId, clientSecret) } : {}),
    },
    body: new URLSearchParams({ ...parameters, ...client }).toString(),
  };
}

/** Both parts are form-encoded before they are joined: a colon in the id would end it. */
function basicCredentials(clientId: string, clientSecret: string): string {
  const credentials = [clientId, clientSecret].map(formEncode).join(':');
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** RFC 6749 appendix B. */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
