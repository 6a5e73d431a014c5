import type { Answers, Content, Paths } from './description.js';

const tags = ['documentation'];

function file(description: string, content: Content): Answers {
  const etag = { description: 'for If-None-Match', schema: { type: 'string' } };
  return {
    200: { description, headers: { etag }, content },
    304: { description: 'It is still the one that the client has' },
  };
}

export const documentationPaths: Paths = {
  '/openapi.json': {
    get: {
      operationId: 'openApi',
      tags,
      summary: 'This document',
      responses: file('An OpenAPI 3.1 document', { 'application/json': { schema: { type: 'object' } } }),
    },
  },
};
