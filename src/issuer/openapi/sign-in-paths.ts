import { responseModes } from '../sign-in/authorize-request.js';
import { answer, bodyAnswers, json, page, pageOrError, rateLimitHeaders, redirection } from './answers.js';
import type { Answers, Operation, Parameter, Paths, Schema } from './description.js';
import { described, form, oneOfTexts, text } from './schema-parts.js';
import { atEveryServer } from './server-paths.js';
import { formType } from './token-paths.js';

type Properties = Readonly<Record<string, Schema>>;

function query(properties: Properties, required: readonly string[]): Parameter[] {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function formBody(properties: Properties, required: readonly string[]) {
  return { required: true, content: { [formType]: { schema: form(properties, required) } } };
}

/** The same by GET and by POST, where a query and a form carry the same parameters. */
function byBoth(
  operation: Omit<Operation, 'parameters' | 'requestBody'>,
  properties: Properties,
  required: readonly string[],
) {
  const { operationId, responses } = operation;
  return {
    get: { ...operation, parameters: query(properties, required) },
    post: {
      ...operation,
      operationId: `${operationId}ByPost`,
      requestBody: formBody(properties, required),
      responses: { ...responses, ...bodyAnswers },
    },
  };
}

const authorizeParameters: Properties = {
  client_id: text,
  redirect_uri: described(text, 'one of those registered, to the letter'),
  response_type: oneOfTexts(['code']),
  response_mode: oneOfTexts(responseModes),
  scope: described(text, 'space-delimited'),
  state: described(text, 'given back as it came'),
  nonce: described(text, 'for the ID token'),
  code_challenge: described(text, 'PKCE (RFC 7636); needed by clients that do not authenticate'),
  code_challenge_method: oneOfTexts(['S256']),
  prompt: described(text, 'none is always login_required: there are no sessions'),
  login_hint: described(text, 'what the form is filled in with'),
};

const toTheClient: Answers = {
  200: page('The form: for the person to sign in, or to carry the answer to the client (form_post)'),
  303: redirection('The answer to the client: a code, or an error'),
  400: pageOrError,
};

const authorize = byBoth(
  {
    operationId: 'authorize',
    tags: ['people'],
    summary: 'Ask a person to sign in',
    description:
      'RFC 6749 section 4.1.1 and OpenID Connect Core section 3.1.2.1, with PKCE and `iss` (RFC 9207).',
    responses: toTheClient,
  },
  authorizeParameters,
  ['client_id', 'redirect_uri', 'response_type'],
);

const signIn: Operation = {
  operationId: 'signIn',
  tags: ['people'],
  summary: 'What the page of the sign-in posts',
  parameters: [
    {
      name: 'issuer-sign-in',
      in: 'cookie',
      description: 'the browser that the page was shown in',
      schema: text,
    },
  ],
  requestBody: formBody(
    { request: described(text, 'sealed, as it stands in the page'), username: text, password: text },
    ['request', 'username', 'password'],
  ),
  responses: {
    ...toTheClient,
    ...bodyAnswers,
    401: page('The form again: the username or the password is wrong'),
    429: { ...page('Too many attempts failed'), headers: rateLimitHeaders },
  },
};

const userinfoByGet: Operation = {
  operationId: 'userinfo',
  tags: ['people'],
  summary: 'What a token may know of its person',
  description: 'OpenID Connect Core section 5.3, for access tokens of this server with the scope `openid`.',
  security: [{ bearer: [] }],
  responses: {
    200: json('The claims of the scopes', 'UserInfo'),
    400: answer('InvalidRequest'),
    401: answer('InvalidToken'),
    403: answer('NotPermitted'),
  },
};

const userinfo = {
  get: userinfoByGet,
  post: {
    ...userinfoByGet,
    operationId: 'userinfoByPost',
    responses: { ...userinfoByGet.responses, ...bodyAnswers },
  },
};

const logout = byBoth(
  {
    operationId: 'logout',
    tags: ['people'],
    summary: 'Go back to the client after signing out',
    description: 'OpenID Connect RP-Initiated Logout. There is no session here that could end.',
    responses: {
      200: page('Signed out'),
      302: redirection('Back to the client'),
      400: pageOrError,
    },
  },
  {
    id_token_hint: described(text, 'an ID token of the client, expired or not'),
    post_logout_redirect_uri: described(text, 'one of those registered, to the letter'),
    client_id: text,
    state: described(text, 'given back as it came'),
  },
  ['id_token_hint'],
);

export const signInPaths: Paths = {
  ...atEveryServer('authorize', authorize),
  ...atEveryServer('signIn', { post: signIn }),
  ...atEveryServer('userinfo', userinfo),
  ...atEveryServer('logout', logout),
};
