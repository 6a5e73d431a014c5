import { adminScope } from '../admin/admin-access.js';
import { answer, bodyAnswers, json } from './answers.js';
import type { Answer, Answers, Operation, Parameter, Paths, RequestBody } from './description.js';
import { reference, text } from './schema-parts.js';

const clientId: Parameter = { name: 'clientId', in: 'path', required: true, schema: text };

export const adminSecurity = [{ admin: [adminScope] }, { bearer: [] }];

/** Of everything that only an admin may do. */
export const adminAnswers: Answers = {
  400: answer('InvalidRequest'),
  401: answer('InvalidToken'),
  403: answer('NotPermitted'),
  503: answer('DatabaseUnavailable'),
};
const ofOne: Answers = { ...adminAnswers, 404: answer('NotFound') };
const ofChange: Answers = { ...ofOne, ...bodyAnswers, 409: answer('Conflict') };

const common = { tags: ['clients'], security: adminSecurity };

const newClient: RequestBody = {
  required: true,
  content: {
    'application/json': {
      schema: reference('NewClient'),
      example: { client_name: 'greeter', scope: 'read_sayhello' },
    },
  },
};

const listed: Answer = {
  ...json('A page of the list', 'Clients'),
  headers: {
    link: {
      description: 'rel="next": the address of the next page, if there is one (RFC 8288)',
      schema: text,
    },
  },
};

const list: Operation = {
  ...common,
  operationId: 'listClients',
  summary: 'List clients, the oldest first',
  parameters: [
    { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 200, default: 20 } },
    { name: 'after', in: 'query', description: 'a cursor out of the link to the next page', schema: text },
    {
      name: 'q',
      in: 'query',
      description: 'what the name or the id starts with',
      schema: { type: 'string', maxLength: 100 },
    },
  ],
  responses: { ...adminAnswers, 200: listed },
};

const create: Operation = {
  ...common,
  operationId: 'addClient',
  summary: 'Register a client',
  requestBody: newClient,
  responses: { ...adminAnswers, ...bodyAnswers, 201: json('The client, and its secret', 'ClientWithSecret') },
};

const get: Operation = {
  ...common,
  operationId: 'getClient',
  summary: 'Look at a client',
  responses: { ...ofOne, 200: json('The client', 'Client') },
};

const replace: Operation = {
  ...common,
  operationId: 'replaceClient',
  summary: 'Change a client',
  description:
    'What is left out gets its default. The secret stays; a client that had none gets one where it needs one.',
  requestBody: newClient,
  responses: { ...ofChange, 200: json('The client', 'ClientWithSecret') },
};

const remove: Operation = {
  ...common,
  operationId: 'removeClient',
  summary: 'Remove a client with all its tokens',
  responses: { ...ofChange, 204: { description: 'The client is gone' } },
};

function lifecycle(operationId: string, summary: string, schema: string): { readonly post: Operation } {
  return {
    post: { ...common, operationId, summary, responses: { ...ofChange, 200: json('The client', schema) } },
  };
}

const parameters = [clientId];
const one = '/oauth2/v1/clients/{clientId}';

/** The registry. Source: Okta's dynamic client registration API, RFC 7591, RFC 7592. */
export const clientPaths: Paths = {
  '/oauth2/v1/clients': { get: list, post: create },
  [one]: { parameters, get, put: replace, delete: remove },
  [`${one}/lifecycle/newSecret`]: {
    parameters,
    ...lifecycle('newClientSecret', 'Give a client a new secret; the old one is void', 'ClientWithSecret'),
  },
  [`${one}/lifecycle/activate`]: {
    parameters,
    ...lifecycle('activateClient', 'Let a client in again', 'Client'),
  },
  [`${one}/lifecycle/deactivate`]: {
    parameters,
    ...lifecycle('deactivateClient', 'Let a client in no more', 'Client'),
  },
};
