import { endpointAt } from '../endpoints.js';
import { faultSchema, faultyEndpoints } from '../faults/fault.js';
import { answer, bodyAnswers, json } from './answers.js';
import { adminAnswers, adminSecurity } from './client-paths.js';
import { bodySchema } from './client-schemas.js';
import type { Answers, Parameter, PathItem, Paths, Schema } from './description.js';
import { closed, reference } from './schema-parts.js';
import { eachOperation } from './server-paths.js';

const faults = Object.fromEntries(faultyEndpoints.map((name) => [name, reference('Fault')]));

export const faultSchemas = {
  Fault: bodySchema(faultSchema),
  Faults: { ...closed(faults, []), description: 'What is to come, by endpoint.' },
} satisfies Record<string, Schema>;

/** A name that is no such endpoint is a 404. */
const endpoint: Parameter = {
  name: 'endpoint',
  in: 'path',
  required: true,
  description: faultyEndpoints.join(', '),
  schema: { type: 'string' },
};

const common = { tags: ['faults'], security: adminSecurity };
const ofOne: Answers = { ...adminAnswers, ...bodyAnswers, 404: answer('NotFound') };
const cancelled = { description: 'Nothing is to come' };

export const faultPaths: Paths = {
  '/faults': {
    get: {
      ...common,
      operationId: 'listFaults',
      summary: 'What was ordered and is not used up',
      responses: { ...adminAnswers, 200: json('The faults', 'Faults') },
    },
    delete: {
      ...common,
      operationId: 'cancelFaults',
      summary: 'Cancel all faults',
      responses: { ...adminAnswers, ...bodyAnswers, 204: cancelled },
    },
  },
  '/faults/{endpoint}': {
    parameters: [endpoint],
    put: {
      ...common,
      operationId: 'orderFault',
      summary: 'Make the next calls of an endpoint misbehave',
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: reference('Fault'),
            example: { kind: 'rate_limit', retryAfterSeconds: 5, calls: 3 },
          },
        },
      },
      responses: { ...ofOne, 200: json('The faults', 'Faults') },
    },
    delete: {
      ...common,
      operationId: 'cancelFault',
      summary: 'Cancel the faults of an endpoint',
      responses: { ...ofOne, 204: cancelled },
    },
  },
};

const orderedFaults: Answers = {
  429: answer('TooManyAttempts'),
  '5XX': json('A fault that was ordered', 'OktaError'),
};

/** Where faults can be ordered, what they look like is documented as well. */
export function withOrderedFaults(paths: Paths): Paths {
  return Object.fromEntries(
    Object.entries(paths).map(([path, item]) => [path, canBeFaulty(path) ? faulty(item) : item]),
  );
}

function canBeFaulty(path: string): boolean {
  const name = endpointAt(path);
  return faultyEndpoints.some((each) => each === name);
}

function faulty({ parameters = [], ...operations }: PathItem): PathItem {
  return {
    parameters,
    ...eachOperation(operations, (operation) => ({
      ...operation,
      responses: { ...orderedFaults, ...operation.responses },
    })),
  };
}
