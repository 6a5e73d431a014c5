import type { ValidationMode } from '../../../src/token/principal.js';
import { bearer } from '../../support/api-client.js';
import type { RawRequest } from '../../support/api-client.js';
import type { ApiWorld } from '../../support/api-world.js';
import { machineClaims, makeKey, mint, tamper } from '../../support/tokens.js';

/** What a client reads in an answer, and what the log says of it. */
export interface ExpectedAnswer {
  readonly status: number;
  /** Of a 200. */
  readonly message?: string;
  /** Of the problem document. */
  readonly code?: string;
  readonly detail?: string;
  /** The whole of WWW-Authenticate; absent: no such header. */
  readonly challenge?: string;
  readonly retryAfter?: string;
  /** `outcome/code` of the decision record; absent: there is none, since no route was reached. */
  readonly logged?: string;
  /** The policy was asked, so that the document carries the decision's id. */
  readonly decided?: boolean;
}

export interface AnswerRow {
  readonly when: string;
  readonly request: (world: ApiWorld) => Promise<RawRequest> | RawRequest;
  /** In each mode; a function where the mode makes a difference. */
  readonly answer: ExpectedAnswer | ((validation: ValidationMode) => ExpectedAnswer);
}

const realm = 'Bearer realm="api://default"';

export const greeting: ExpectedAnswer = { status: 200, message: 'Hello there!!', logged: 'allow/ok' };

const noCredentials: ExpectedAnswer = {
  status: 401,
  code: 'credentials_required',
  detail: 'Send an access token: Authorization: Bearer <token>.',
  challenge: realm,
  logged: 'unauthenticated/missing',
};

const twoCredentials: ExpectedAnswer = {
  status: 400,
  code: 'invalid_request',
  detail: 'Send the access token once, in the Authorization header.',
  challenge: `${realm}, error="invalid_request", error_description="Send the access token once, in the Authorization header."`,
  logged: 'malformed/ambiguous',
};

function invalidToken(cause: string, detail: string): ExpectedAnswer {
  const challenge = `${realm}, error="invalid_token", error_description="${detail}"`;
  return { status: 401, code: 'invalid_token', detail, challenge, logged: `unauthenticated/${cause}` };
}

const inactive = invalidToken('inactive', 'The access token is not active.');
const notValid = (cause: string) => invalidToken(cause, 'The access token is not valid.');
const notForUs = (cause: string) => invalidToken(cause, 'The access token was not issued for this service.');

/** Locally the token itself tells; remotely all there is to know is that Okta does not stand by it. */
function unlessRemote(expected: ExpectedAnswer): (validation: ValidationMode) => ExpectedAnswer {
  return (validation) => (validation === 'remote' ? inactive : expected);
}

export function lacksScope(scope: string): ExpectedAnswer {
  const detail = 'The access token lacks a scope.';
  const challenge = `${realm}, error="insufficient_scope", error_description="${detail}", scope="${scope}"`;
  const common = { status: 403, code: 'insufficient_scope', detail, challenge };
  return { ...common, logged: 'deny/denied', decided: true };
}

const badTarget: ExpectedAnswer = {
  status: 400,
  code: 'invalid_target',
  detail: 'The request target is not in canonical form.',
  logged: 'malformed/invalid_target',
};

const notFound: ExpectedAnswer = { status: 404, code: 'not_found', detail: 'There is nothing here.' };

const hello = (token: string): RawRequest => ({ target: '/sayhello', headers: [bearer(token)] });

/** The API's answers, one row a case of the contract. */
export const answerRows: readonly AnswerRow[] = [
  {
    when: 'the token has the scope',
    request: async (world) => hello(await world.token()),
    answer: greeting,
  },
  {
    when: 'the token has the scope of the secret',
    request: async (world) => ({
      ...hello(await world.token({ scp: ['read_saysecret'] })),
      target: '/saysecret',
    }),
    answer: { status: 200, message: 'This is a secret', logged: 'allow/ok' },
  },
  { when: 'there are no credentials', request: () => ({ target: '/sayhello' }), answer: noCredentials },
  {
    when: 'the credentials are of another scheme',
    request: () => ({ target: '/sayhello', headers: [['Authorization', 'Basic dXNlcjpwYXNz']] }),
    answer: noCredentials,
  },
  {
    when: 'there are two Authorization headers',
    request: async (world) => {
      const token = await world.token();
      return { target: '/sayhello', headers: [bearer(token), bearer(token)] };
    },
    answer: twoCredentials,
  },
  {
    when: 'one header holds two credentials',
    request: async (world) => hello(`${await world.token()}, Bearer ${await world.token()}`),
    answer: twoCredentials,
  },
  {
    when: 'the token is in the query',
    request: async (world) => ({ target: `/sayhello?access_token=${await world.token()}` }),
    answer: twoCredentials,
  },
  {
    when: 'the token is in the query and in the header',
    request: async (world) => {
      const token = await world.token();
      return { ...hello(token), target: `/sayhello?access%5Ftoken=${token}` };
    },
    answer: twoCredentials,
  },
  { when: 'the credential is no b64token', request: () => hello('a b'), answer: notValid('malformed') },
  {
    when: 'the token is no JWT and nobody knows it',
    request: () => hello('opaque-and-unknown'),
    answer: unlessRemote(notValid('malformed')),
  },
  {
    when: 'the token was tampered with',
    request: async (world) => hello(tamper(await world.token())),
    answer: unlessRemote(notValid('bad_signature')),
  },
  {
    when: 'the token is signed with a key that nobody published',
    request: async (world) => hello(await mint(makeKey('nobody'), machineClaims({ iss: world.okta.issuer }))),
    answer: unlessRemote(notValid('unknown_key')),
  },
  {
    when: 'the token has expired',
    request: async (world) => hello(await expiredToken(world)),
    answer: unlessRemote(invalidToken('expired', 'The access token has expired.')),
  },
  {
    when: 'the token was revoked',
    request: async (world) => {
      const token = await world.token();
      world.okta.revoke(token);
      return hello(token);
    },
    // Local validation does not see it before the token expires.
    answer: (validation) => (validation === 'local' ? greeting : inactive),
  },
  {
    when: 'the token is of another issuer',
    request: async (world) => hello(await world.token({ iss: 'https://other.test/oauth2/default' })),
    answer: notForUs('wrong_issuer'),
  },
  {
    when: 'the token is for another audience',
    request: async (world) => hello(await world.token({ aud: 'api://other' })),
    answer: notForUs('wrong_audience'),
  },
  {
    when: 'the token is of another client',
    request: async (world) => hello(await world.token({ cid: '0oaOther' })),
    answer: notForUs('wrong_client'),
  },
  {
    when: 'the policy misses a scope',
    request: async (world) => ({ ...hello(await world.token()), target: '/saysecret' }),
    answer: lacksScope('read_saysecret'),
  },
  ...['/%73ayhello', 'http://api.test/sayhello', '/sayhello#x', '/sayhello?x#y'].map((target) => ({
    when: `the target is ${target}`,
    request: async (world: ApiWorld) => ({ ...hello(await world.token()), target }),
    answer: badTarget,
  })),
  ...[
    '/sayhello/',
    '//sayhello',
    '/x/../sayhello',
    '/SayHello',
    '/nothing',
    '/',
    '/health/live',
    '/metrics',
  ].map((target) => ({
    when: `the target is ${target}`,
    request: async (world: ApiWorld) => ({ ...hello(await world.token()), target }),
    answer: notFound,
  })),
  ...['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'].map((method) => ({
    when: `the method is ${method}`,
    request: async (world: ApiWorld) => ({ ...hello(await world.token()), method }),
    answer: notFound,
  })),
];

async function expiredToken(world: ApiWorld): Promise<string> {
  const token = await world.token({ iat: 1_700_000_000, exp: 1_700_003_600 });
  world.okta.revoke(token);
  return token;
}
