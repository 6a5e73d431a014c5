import { hash, randomBytes } from 'node:crypto';
import type { ClientWithSecret, NewClient } from '../../../src/issuer/clients/client-registry.js';
import { Browser } from './browser.js';
import { basic, post } from './issuer.js';
import type { Answer, TestIssuer } from './issuer.js';

/** Somebody who can sign in. */
export const person = {
  login: 'roach@example.test',
  password: randomBytes(12).toString('base64url'),
  name: 'Ro <b>Ach</b>',
  email: 'mail@example.test',
};
export const credentials = { username: person.login, password: person.password };

export const redirectUri = 'https://app.example.test/callback?kept=%2B1';

/** A client for people. */
export function addApp(issuer: TestIssuer, app: Partial<NewClient> = {}): Promise<ClientWithSecret> {
  return issuer.registries.clients.add({
    name: 'Weather',
    scopes: ['read_weather'],
    grants: ['authorization_code', 'refresh_token'],
    redirectUris: [redirectUri],
    ...app,
  });
}

export const codeVerifier = 'a-verifier_of.forty-three~characters-and-more';
const codeChallenge = hash('sha256', codeVerifier, 'base64url');

/** Parameters of a request that succeeds; undefined takes one away. */
export type Changes = Readonly<Record<string, string | undefined>>;

/** A request that succeeds, but for the changes. */
export function authorizeParameters(
  { client_id }: Pick<ClientWithSecret, 'client_id'>,
  changes: Changes = {},
): Record<string, string> {
  const all: Changes = {
    client_id,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid read_weather',
    state: 'the state',
    nonce: 'the nonce',
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
    ...changes,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(given);
}

const server = '/oauth2/default/v1';

export function authorizePath(client: Pick<ClientWithSecret, 'client_id'>, changes: Changes = {}): string {
  return `${server}/authorize?${new URLSearchParams(authorizeParameters(client, changes)).toString()}`;
}

/** What the answer tells the client at its redirect URI. */
export function returned({ headers }: Pick<Answer, 'headers'>): Record<string, string> {
  const { searchParams } = new URL(headers.get('location') ?? 'about:blank');
  return Object.fromEntries(searchParams);
}

/** Signs in. @returns the code */
export async function signIn(
  issuer: TestIssuer,
  client: Pick<ClientWithSecret, 'client_id'>,
  changes: Changes = {},
  as: typeof credentials = credentials,
): Promise<string> {
  const browser = new Browser(issuer);
  const page = await browser.open(authorizePath(client, changes));
  return returned(await browser.submit(page, as)).code ?? '';
}

/** Comes for the tokens of a code; undefined takes a parameter away. */
export function exchange(
  issuer: TestIssuer,
  client: Pick<ClientWithSecret, 'client_id' | 'client_secret'>,
  code: string,
  changes: Changes = {},
): Promise<Answer> {
  const all: Changes = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: codeVerifier,
    client_id: client.client_secret === '' ? client.client_id : undefined,
    ...changes,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return post(issuer, 'token', Object.fromEntries(given), {
    headers: client.client_secret === '' ? {} : basic(client),
  });
}

/** Signs in and comes for the tokens. */
export async function tokensOf(
  issuer: TestIssuer,
  client: Pick<ClientWithSecret, 'client_id' | 'client_secret'>,
  scope: string,
  as?: typeof credentials,
): Promise<Record<string, unknown>> {
  return (await exchange(issuer, client, await signIn(issuer, client, { scope }, as))).json;
}
