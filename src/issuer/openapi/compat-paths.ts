import { answer, bodyAnswers, json } from './answers.js';
import { adminSecurity } from './client-paths.js';
import type { Answers, Operation, Paths, RequestBody, Schema } from './description.js';
import { closed, described, flag, form, oneOfTexts, seconds, text, texts } from './schema-parts.js';
import { clientForm, clientSecurity, formType } from './token-paths.js';

export const compatSchemas = {
  DealtToken: closed({ access_token: described(text, 'a JWT, RS512, for 24 hours') }),
  GivenToken: closed({ token: text, expires: seconds, isAdmin: flag }),
  AccessTokenClaims: closed(
    {
      ver: { const: 1 },
      jti: text,
      iss: text,
      aud: text,
      iat: seconds,
      exp: seconds,
      cid: described(text, 'the client'),
      scp: texts,
      sub: described(text, 'the login of the person, or the client'),
      uid: described(text, 'of tokens of people'),
      auth_time: { ...seconds, description: 'of tokens of people' },
    },
    ['ver', 'jti', 'iss', 'aud', 'iat', 'exp', 'cid', 'scp', 'sub'],
  ),
  Success: closed({ success: { const: true } }),
  Failure: closed({ success: { const: false } }),
} satisfies Record<string, Schema>;

const always: Answers = { ...bodyAnswers, 503: answer('DatabaseUnavailable') };
const ofClient: Answers = {
  ...always,
  400: answer('BadRequest'),
  401: answer('InvalidClient'),
  429: answer('TooManyAttempts'),
};
const ofAdmin: Answers = {
  ...always,
  400: answer('BadRequest'),
  401: answer('InvalidToken'),
  403: answer('NotPermitted'),
};

const tags = ['older services'];

function body(properties: Readonly<Record<string, Schema>>, required: readonly string[]): RequestBody {
  return { required: true, content: { [formType]: { schema: form(properties, required) } } };
}

const dealToken: Operation = {
  operationId: 'dealToken',
  tags,
  summary: 'A token for an audience',
  security: clientSecurity,
  requestBody: clientForm(
    { grant_type: oneOfTexts(['client_credentials']), audience: text },
    ['grant_type', 'audience'],
    { grant_type: 'client_credentials', audience: 'api://default' },
  ),
  responses: { ...ofClient, 200: json('The token', 'DealtToken') },
};

const auth: Operation = {
  operationId: 'auth',
  tags,
  summary: 'A token with everything that the client may do',
  security: clientSecurity,
  requestBody: body({ client_id: text, client_secret: text }, ['client_id', 'client_secret']),
  responses: { ...ofClient, 200: json('The token', 'GivenToken') },
};

const verify: Operation = {
  operationId: 'verify',
  tags,
  summary: 'The claims of a token that is good',
  security: [{ bearer: [] }, {}],
  responses: { ...always, 200: json('The claims, or no success', 'AccessTokenClaims', 'Failure') },
};

const logout: Operation = {
  operationId: 'endToken',
  tags,
  summary: 'Revoke a token',
  requestBody: body({ token: text }, ['token']),
  responses: { ...always, 400: answer('BadRequest'), 200: json('Whether it was one', 'Success', 'Failure') },
};

const addClient: Operation = {
  operationId: 'importClient',
  tags,
  summary: 'Register a client with the id and the secret that it has',
  security: adminSecurity,
  requestBody: body(
    {
      client_id: described(text, '1 to 100 characters, printable ASCII without spaces'),
      client_secret: described(text, '16 to 1000 characters'),
      is_admin: oneOfTexts(['true', 'false']),
    },
    ['client_id', 'client_secret'],
  ),
  responses: { ...ofAdmin, 200: json('It is registered', 'Success'), 409: answer('Conflict') },
};

const removeClient: Operation = {
  operationId: 'removeImportedClient',
  tags,
  summary: 'Remove a client',
  security: adminSecurity,
  requestBody: body({ client_id: text }, ['client_id']),
  responses: {
    ...ofAdmin,
    200: json('It is gone', 'Success'),
    404: answer('NotFound'),
    409: answer('Conflict'),
  },
};

export const compatPaths: Paths = {
  '/oauth/token': { post: dealToken },
  '/auth': { post: auth },
  '/verify': { post: verify },
  '/logout': { post: logout },
  '/client': { post: addClient, delete: removeClient },
};
