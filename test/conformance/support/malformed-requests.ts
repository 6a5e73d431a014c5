import { asAssertion, assertionClaims, clientKey, signAssertion } from '../../issuer/support/assertions.js';
import { base64url } from '../../support/tokens.js';
import type { Claims } from '../../support/tokens.js';
import { app, browser, program, redirectUri, scope, signer, signerKey } from './malformed-clients.js';

/** Something to ask of an endpoint. Its requests are the same bytes for everybody, but for the audience of assertions. */
export interface Attempt {
  readonly what: string;
  readonly request: (to: Target) => Sent | Promise<Sent>;
}

interface Target {
  /** What an assertion is meant for. */
  readonly issuer: string;
  /** What a good request has besides the client's authentication. */
  readonly good: Pairs;
}

interface Sent {
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly contentType?: string;
  /** With its question mark. */
  readonly query?: string;
}

/** Parameters with their values, where a name can come twice. */
export type Pairs = readonly (readonly [string, string])[];

export const text = (pairs: Pairs) =>
  new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString();

export function authorization(value: string): { headers: Record<string, string> } {
  return { headers: { authorization: value } };
}

export function basic(id: string, secret: string): { headers: Record<string, string> } {
  return authorization(`Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`);
}

export const byProgram = basic(program.id, program.secret);
const byApp = basic(app.id, app.secret);

/** A good request by the program, and these pairs with it. */
export function withPairs(what: string, ...more: Pairs): Attempt {
  return { what, request: ({ good }) => ({ ...byProgram, body: text([...good, ...more]) }) };
}

/** The good parameters, with this in place of the client's authentication. */
export function authenticated(what: string, sent: Sent, ...pairs: Pairs): Attempt {
  return { what, request: ({ good }) => ({ ...sent, body: text([...good, ...pairs]) }) };
}

/** Nothing but these pairs, by a client that authenticates. */
export function onlyPairs(what: string, pairs: Pairs, by: Sent = byProgram): Attempt {
  return { what, request: () => ({ ...by, body: text(pairs) }) };
}

const foreignKey = clientKey('RSA', { kid: 'k1' });

interface Assertion {
  readonly claims?: Claims;
  readonly header?: Claims;
  readonly key?: typeof signerKey.privateKey | Uint8Array;
  readonly clientId?: string;
}

/** The good parameters with an assertion that is good but for the changes. */
export function asserted(what: string, { claims, header, key, clientId = signer.id }: Assertion): Attempt {
  return {
    what,
    request: async ({ issuer, good }) => {
      const all = assertionClaims(clientId, { aud: issuer, ...claims });
      const jwt = await signAssertion(key ?? signerKey.privateKey, all, { kid: 'k1', ...header });
      return { body: text([...good, ...Object.entries(asAssertion(jwt))]) };
    },
  };
}

function unsignedAssertion({ issuer, good }: Target): Sent {
  const header = base64url(JSON.stringify({ alg: 'none' }));
  const jwt = `${header}.${base64url(JSON.stringify(assertionClaims(signer.id, { aud: issuer })))}.`;
  return { body: text([...good, ...Object.entries(asAssertion(jwt))]) };
}

/** What the others differ from, so that they are refused for nothing else. */
export const wellFormed: readonly Attempt[] = [
  withPairs('Basic'),
  authenticated('a secret in the body', {}, ['client_id', program.id], ['client_secret', program.secret]),
  asserted('an assertion', {}),
];

export const clientCredentials: readonly [string, string] = ['grant_type', 'client_credentials'];

/** At the token endpoint, introspection and revocation alike. */
export const atEveryEndpoint: readonly Attempt[] = [
  authenticated('a wrong secret by Basic', basic(program.id, 'wrong')),
  authenticated('a wrong secret in the body', {}, ['client_id', program.id], ['client_secret', 'wrong']),
  authenticated('an unknown client by Basic', basic('nobody', program.secret)),
  authenticated('an unknown client in the body', {}, ['client_id', 'nobody'], ['client_secret', 'wrong']),
  authenticated('an unknown client that gives its id only', {}, ['client_id', 'nobody']),
  authenticated('a client with a secret that gives its id only', {}, ['client_id', program.id]),
  authenticated('a client with a key that gives its id only', {}, ['client_id', signer.id]),
  authenticated('a client with a key that gives a secret', basic(signer.id, signer.secret)),
  authenticated('a client without authentication that gives a secret', basic(browser.id, 'wrong')),
  withPairs('Basic and a secret in the body', ['client_id', program.id], ['client_secret', program.secret]),
  withPairs('Basic and an assertion', ...Object.entries(asAssertion('a.b.c'))),
  authenticated(
    'a secret and an assertion',
    {},
    ['client_secret', 's'],
    ...Object.entries(asAssertion('a.b.c')),
  ),
  withPairs('another client_id than that of Basic', ['client_id', app.id]),
  withPairs('client_id twice', ['client_id', program.id], ['client_id', program.id]),
  authenticated(
    'client_secret twice',
    {},
    ['client_id', program.id],
    ['client_secret', 'a'],
    ['client_secret', 'b'],
  ),
  { what: 'a JSON body', request: () => ({ ...byProgram, body: '{}', contentType: 'application/json' }) },
  {
    what: 'a body of text',
    request: ({ good }) => ({ ...byProgram, body: text(good), contentType: 'text/plain' }),
  },
  {
    what: 'a body of several parts',
    request: () => ({ ...byProgram, body: '--x--', contentType: 'multipart/form-data; boundary=x' }),
  },
  { what: 'no body', request: () => byProgram },
  {
    what: 'the secret in the query',
    request: ({ good }) => ({
      body: text(good),
      query: `?client_id=${program.id}&client_secret=${program.secret}`,
    }),
  },
  asserted('an assertion by another key', { key: foreignKey.privateKey }),
  asserted('an assertion of a client that there is not', { clientId: 'nobody' }),
  asserted('an assertion of a client without keys', { clientId: program.id }),
  asserted('an assertion that is over', { claims: { exp: 1 } }),
  asserted('an assertion without an end', { claims: { exp: undefined } }),
  asserted('an assertion without a jti', { claims: { jti: undefined } }),
  asserted('an assertion for somebody else', { claims: { aud: 'https://elsewhere.example.test' } }),
  asserted('an assertion for nobody', { claims: { aud: undefined } }),
  asserted('an assertion for several others', { claims: { aud: ['https://elsewhere.example.test'] } }),
  asserted('an assertion whose time has not come', { claims: { nbf: 9_999_999_999 } }),
  asserted('an assertion whose end is text', { claims: { exp: 'tomorrow' } }),
  asserted('an assertion about another client', { claims: { sub: program.id } }),
  asserted('an assertion whose jti is a number', { claims: { jti: 3 } }),
  asserted('an assertion by another issuer', { claims: { iss: 'somebody' } }),
  asserted('an assertion without a subject', { claims: { sub: undefined } }),
  asserted('an assertion by the secret', {
    key: Buffer.from(signer.secret.padEnd(64)),
    header: { alg: 'HS256' },
  }),
  { what: 'an assertion without a signature', request: unsignedAssertion },
];

export const atTheTokenEndpoint: readonly Attempt[] = [
  onlyPairs('no grant_type', [['scope', scope]]),
  onlyPairs('an empty grant_type', [['grant_type', '']]),
  onlyPairs('a grant_type that there is not', [['grant_type', 'nothing']]),
  onlyPairs('the implicit grant, which has no token request', [['grant_type', 'implicit']]),
  onlyPairs('a grant_type in capitals', [['grant_type', 'CLIENT_CREDENTIALS']]),
  withPairs('grant_type twice', ['grant_type', 'client_credentials']),
  withPairs('scope twice', ['scope', scope]),
  onlyPairs('a scope with a quote', [clientCredentials, ['scope', '"']]),
  onlyPairs('a scope with a backslash', [clientCredentials, ['scope', '\\']]),
  onlyPairs('a scope with an umlaut', [clientCredentials, ['scope', 'ü']]),
  onlyPairs('a scope of spaces', [clientCredentials, ['scope', '   ']]),
  onlyPairs('a scope of people', [clientCredentials, ['scope', 'openid']]),
  onlyPairs(
    'no code',
    [
      ['grant_type', 'authorization_code'],
      ['redirect_uri', redirectUri],
    ],
    byApp,
  ),
  onlyPairs(
    'an empty code',
    [
      ['grant_type', 'authorization_code'],
      ['redirect_uri', redirectUri],
      ['code', ''],
    ],
    byApp,
  ),
  onlyPairs(
    'an unknown code',
    [
      ['grant_type', 'authorization_code'],
      ['redirect_uri', redirectUri],
      ['code', 'x'],
    ],
    byApp,
  ),
  onlyPairs(
    'code twice',
    [
      ['grant_type', 'authorization_code'],
      ['code', 'x'],
      ['code', 'x'],
    ],
    byApp,
  ),
  onlyPairs('no refresh_token', [['grant_type', 'refresh_token']], byApp),
  onlyPairs(
    'an empty refresh_token',
    [
      ['grant_type', 'refresh_token'],
      ['refresh_token', ''],
    ],
    byApp,
  ),
  onlyPairs(
    'an unknown refresh_token',
    [
      ['grant_type', 'refresh_token'],
      ['refresh_token', 'x'],
    ],
    byApp,
  ),
  onlyPairs(
    'a JWT as refresh_token',
    [
      ['grant_type', 'refresh_token'],
      ['refresh_token', 'e30.e30.AA'],
    ],
    byApp,
  ),
  onlyPairs(
    'refresh_token twice',
    [
      ['grant_type', 'refresh_token'],
      ['refresh_token', 'x'],
      ['refresh_token', 'x'],
    ],
    byApp,
  ),
];

/** At introspection and revocation. */
export const whereTokensAreSent: readonly Attempt[] = [
  onlyPairs('no token', []),
  onlyPairs('only a hint', [['token_type_hint', 'access_token']]),
  onlyPairs('an empty token', [['token', '']]),
  onlyPairs('the token twice', [
    ['token', 'x'],
    ['token', 'x'],
  ]),
  onlyPairs('the token in a structure', [['token[0]', 'x']]),
  withPairs(
    'token_type_hint twice',
    ['token_type_hint', 'access_token'],
    ['token_type_hint', 'access_token'],
  ),
];
