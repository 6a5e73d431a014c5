import { endpoints } from '../endpoints.js';
import type { EndpointName } from '../endpoints.js';
import { answer } from './answers.js';
import type { Answers, Method, Operation, Parameter, PathItem, Paths } from './description.js';

const serverId: Parameter = {
  name: 'serverId',
  in: 'path',
  required: true,
  description: 'the id of an authorization server; `default` is always there',
  schema: { type: 'string' },
};

/** What the database's absence does to every endpoint of a server: each looks the server up. */
const always: Answers = { 503: answer('Unavailable') };
/** The path can name a server that there is not, or be badly encoded. */
const ofAnId: Answers = { 400: answer('InvalidRequest'), 404: answer('UnknownServer') };

/** An endpoint of a server in its two places: that of the custom servers, and that of the org's own. */
export function atEveryServer(
  name: EndpointName,
  operations: Readonly<Partial<Record<Method, Operation>>>,
): Paths {
  const { path } = endpoints[name];
  const orgPath = path.startsWith('.well-known/') ? `/${path}` : `/oauth2/${path}`;
  return {
    [`/oauth2/{serverId}/${path}`]: {
      parameters: [serverId],
      ...eachOperation(operations, (operation) => ({
        ...operation,
        responses: { ...always, ...ofAnId, ...operation.responses },
      })),
    },
    [orgPath]: eachOperation(operations, (operation) => ({
      ...operation,
      operationId: `${operation.operationId}AtOrg`,
      summary: `${operation.summary} (org server)`,
      responses: { ...always, ...operation.responses },
    })),
  };
}

/** The same operations, each of them changed. */
export function eachOperation(
  operations: Readonly<Partial<Record<Method, Operation>>>,
  change: (operation: Operation) => Operation,
): PathItem {
  const entries = Object.entries(operations).map(([method, operation]) => [method, change(operation)]);
  return Object.fromEntries(entries) as PathItem;
}
