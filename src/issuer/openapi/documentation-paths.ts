import { answer } from './answers.js';
import type { Answers, Content, Paths } from './description.js';
import { text } from './schema-parts.js';

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
  '/docs': {
    get: {
      operationId: 'docs',
      tags,
      summary: 'This document, to read and to try (Swagger UI)',
      responses: file('A page', { 'text/html': { schema: text } }),
    },
  },
  '/docs/{file}': {
    get: {
      operationId: 'docsFile',
      tags,
      summary: 'What the page loads',
      parameters: [{ name: 'file', in: 'path', required: true, schema: text }],
      responses: {
        ...file('A script, a style sheet or a picture', {
          'text/javascript': { schema: text },
          'text/css': { schema: text },
          'image/png': { schema: {} },
        }),
        400: answer('InvalidRequest'),
        404: answer('NotFound'),
      },
    },
  },
};
