import { jwtBearerType } from '../clients/client-assertion.js';
import { grantTypes } from '../store/schema.js';
import { answer, bodyAnswers, json } from './answers.js';
import type { Operation, Paths, RequestBody, Schema } from './description.js';
import { described, form, oneOfTexts, text } from './schema-parts.js';
import { atEveryServer } from './server-paths.js';

export const formType = 'application/x-www-form-urlencoded';

/** Client authentication that a header can't carry. */
const clientParameters: Readonly<Record<string, Schema>> = {
  client_id: text,
  client_secret: described(text, 'in the place of Basic'),
  client_assertion_type: described({ const: jwtBearerType }, 'with client_assertion'),
  client_assertion: described(text, 'a JWT signed by the client (RFC 7523), in the place of a secret'),
};

/** Basic, or the parameters of the form. */
export const clientSecurity = [{ clientSecretBasic: [] }, {}];

export function clientForm(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
  example: Readonly<Record<string, string>>,
): RequestBody {
  const schema = form({ ...properties, ...clientParameters }, required);
  return { required: true, content: { [formType]: { schema, example } } };
}

const refusals = {
  400: answer('BadRequest'),
  401: answer('InvalidClient'),
  429: answer('TooManyAttempts'),
  ...bodyAnswers,
};

const token: Operation = {
  operationId: 'token',
  tags: ['tokens'],
  summary: 'Get tokens',
  description:
    'RFC 6749 section 3.2. Parameters may be in the query as well, each once; credentials of the client only in ' +
    'development mode.',
  security: clientSecurity,
  requestBody: clientForm(
    {
      grant_type: oneOfTexts(grantTypes),
      scope: described(text, 'space-delimited; what is not known is refused, never dropped'),
      username: described(text, 'password'),
      password: described(text, 'password'),
      code: described(text, 'authorization_code'),
      redirect_uri: described(text, 'authorization_code: the one of the authorization request'),
      code_verifier: described(text, 'authorization_code with PKCE (RFC 7636)'),
      refresh_token: described(text, 'refresh_token'),
    },
    ['grant_type'],
    { grant_type: 'client_credentials', scope: 'read_sayhello' },
  ),
  responses: { 200: json('Tokens', 'TokenResponse'), ...refusals },
};

const ofToken = {
  token: text,
  token_type_hint: described(text, 'not needed: the form of the token tells its kind'),
};

const introspect: Operation = {
  operationId: 'introspect',
  tags: ['tokens'],
  summary: 'Ask whether a token is good',
  description: 'RFC 7662, for access, refresh and ID tokens of this authorization server.',
  security: clientSecurity,
  requestBody: clientForm(ofToken, ['token'], { token: 'eyJ…' }),
  responses: { 200: json('What is known of the token', 'ActiveToken', 'InactiveToken'), ...refusals },
};

const revoke: Operation = {
  operationId: 'revoke',
  tags: ['tokens'],
  summary: 'Revoke a token',
  description:
    "RFC 7009. Unknown tokens and other clients' tokens have the same answer, and nothing happens to them.",
  security: clientSecurity,
  requestBody: clientForm(ofToken, ['token'], { token: 'eyJ…' }),
  responses: { 200: { description: 'The token is good no more' }, ...refusals },
};

export const tokenPaths: Paths = {
  ...atEveryServer('token', { post: token }),
  ...atEveryServer('introspect', { post: introspect }),
  ...atEveryServer('revoke', { post: revoke }),
};
