import { asAssertion } from '../../issuer/support/assertions.js';
import { browser, program, redirectUri, scope, ungrantedScope } from './malformed-clients.js';
import {
  asserted,
  authenticated,
  authorization,
  basic,
  byProgram,
  clientCredentials,
  onlyPairs,
  text,
  withPairs,
} from './malformed-requests.js';
import type { Attempt } from './malformed-requests.js';

/** What one answers: the `error`, or the status where there is none. */
export type Outcome = string | number;

/** Requests that the issuer answers in another way than oidc-provider does, with the reason. */
export interface Difference {
  readonly why: string;
  readonly issuer: Outcome;
  readonly oracle: Outcome;
  readonly attempts: readonly Attempt[];
}

const assertion = 'a.b.c';
const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** At the token endpoint, introspection and revocation alike. */
export const differencesEverywhere: readonly Difference[] = [
  {
    why: 'Without usable credentials Okta, and RFC 6749 section 5.2, say invalid_client',
    issuer: 'invalid_client',
    oracle: 'invalid_request',
    attempts: [
      authenticated('no authentication', {}),
      authenticated('a secret without an id', {}, ['client_secret', 'x']),
      authenticated('an empty client_id', {}, ['client_id', '']),
      authenticated('Basic that is no base64', authorization('Basic %%%')),
      authenticated('Basic without a colon', authorization(`Basic ${btoa('program')}`)),
      authenticated('Basic without a value', authorization('Basic')),
      authenticated('Basic with an empty secret', basic(program.id, '')),
      authenticated('Basic with an empty id', basic('', 'x')),
      authenticated('Basic with a broken escape', basic(program.id, '%zz')),
      authenticated('Basic that is no UTF-8', authorization(`Basic ${btoa('program:\xff')}`)),
      authenticated('a Bearer token', authorization('Bearer x')),
      authenticated('an unknown scheme', authorization('Digest x')),
      authenticated('an assertion without its type', {}, ['client_assertion', assertion]),
      authenticated('a type without an assertion', {}, ['client_assertion_type', type]),
      authenticated(
        'an assertion of another type',
        {},
        ['client_assertion', assertion],
        ['client_assertion_type', 'x'],
      ),
      authenticated('an assertion that is no JWT', {}, ...Object.entries(asAssertion('x'))),
      authenticated('an assertion that is no JSON', {}, ...Object.entries(asAssertion(assertion))),
    ],
  },
  {
    why: 'An assertion from the future is by a clock that is wrong, or prepared by somebody',
    issuer: 'invalid_client',
    oracle: 200,
    attempts: [asserted('an assertion issued in the future', { claims: { iat: 9_999_999_999 } })],
  },
  {
    why: 'RFC 6749 section 3.2: no parameter more than once, known or not; nothing undecodable, nothing without bounds',
    issuer: 'invalid_request',
    oracle: 200,
    attempts: [
      withPairs('an unknown parameter twice', ['extra', 'x'], ['extra', 'y']),
      withPairs('a NUL', ['extra', '\0']),
      {
        what: 'a broken escape',
        request: ({ good }) => ({ ...byProgram, body: `${text(good)}&extra=%zz` }),
      },
      { what: 'no UTF-8', request: ({ good }) => ({ ...byProgram, body: `${text(good)}&extra=%ff` }) },
      {
        what: '2,000 parameters',
        request: ({ good }) => ({
          ...byProgram,
          body: text([...good, ...Array.from({ length: 2000 }, (_, n) => [`extra${n}`, ''] as const)]),
        }),
      },
    ],
  },
  {
    why: 'A body over the bound is refused by its length alone, before it is read as anything',
    issuer: 413,
    oracle: 'invalid_request',
    attempts: [
      {
        what: '10 MB',
        request: ({ good }) => ({ ...byProgram, body: `${text(good)}&extra=${'x'.repeat(10_000_000)}` }),
      },
    ],
  },
  {
    why: 'Okta takes parameters from the query string too, all but the credentials',
    issuer: 200,
    oracle: 'invalid_request',
    attempts: [
      {
        what: 'the parameters in the query',
        request: ({ good }) => ({ ...byProgram, body: 'extra=x', query: `?${text(good)}` }),
      },
    ],
  },
];

export const differencesAtTheTokenEndpoint: readonly Difference[] = [
  {
    why: 'RFC 6749 section 5.2: the client may not use this grant; oidc-provider calls it invalid_request',
    issuer: 'unauthorized_client',
    oracle: 'invalid_request',
    attempts: [
      onlyPairs('a code by a program', [
        ['grant_type', 'authorization_code'],
        ['code', 'x'],
        ['redirect_uri', redirectUri],
      ]),
      onlyPairs('a refresh token by a program', [
        ['grant_type', 'refresh_token'],
        ['refresh_token', 'x'],
      ]),
      onlyPairs('client credentials by a browser', [clientCredentials, ['client_id', browser.id]], {}),
    ],
  },
  {
    why: 'oidc-provider has no password grant; here it is there for clients that are allowed it',
    issuer: 'unauthorized_client',
    oracle: 'unsupported_grant_type',
    attempts: [
      onlyPairs('a password by a program', [
        ['grant_type', 'password'],
        ['username', 'x'],
        ['password', 'x'],
      ]),
    ],
  },
  {
    why: 'The access policy refuses what the server knows and the client may not have: access_denied at Okta',
    issuer: 'access_denied',
    oracle: 'invalid_scope',
    attempts: [onlyPairs("another client's scope", [clientCredentials, ['scope', ungrantedScope]])],
  },
  {
    why: 'Okta never drops a scope silently, and gives none to who asks for none and has no default',
    issuer: 'invalid_scope',
    oracle: 200,
    attempts: [
      onlyPairs('an unknown scope', [clientCredentials, ['scope', 'nothing']]),
      onlyPairs('an unknown scope behind a known one', [clientCredentials, ['scope', `${scope} nothing`]]),
      onlyPairs('an empty scope', [clientCredentials, ['scope', '']]),
      onlyPairs('no scope', [clientCredentials]),
    ],
  },
  {
    why: 'What can not be text in any database is refused before anything looks at it',
    issuer: 'invalid_request',
    oracle: 'invalid_scope',
    attempts: [onlyPairs('a scope of a NUL', [clientCredentials, ['scope', '\0']])],
  },
  {
    why: 'Okta does not know RFC 8707 and takes no notice of its parameter',
    issuer: 200,
    oracle: 'invalid_target',
    attempts: [
      withPairs('a resource', ['resource', 'https://elsewhere.example.test']),
      withPairs('a resource that is no URI', ['resource', 'x']),
    ],
  },
];
