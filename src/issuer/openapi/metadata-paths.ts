import { json } from './answers.js';
import type { Paths } from './description.js';
import { text } from './schema-parts.js';
import { atEveryServer } from './server-paths.js';

const clientId = {
  name: 'client_id',
  in: 'query',
  description: "some of Okta's clients send it; it makes no difference",
  schema: text,
} as const;

export const metadataPaths: Paths = {
  ...atEveryServer('keys', {
    get: {
      operationId: 'keys',
      tags: ['metadata'],
      summary: 'The public keys that tokens are signed with',
      description:
        'RFC 7517. Keys come before they sign, and stay until the last token they signed has expired.',
      parameters: [clientId],
      responses: { 200: json('The key set', 'JsonWebKeySet') },
    },
  }),
  ...atEveryServer('oauthMetadata', {
    get: {
      operationId: 'oauthMetadata',
      tags: ['metadata'],
      summary: 'What the authorization server offers (RFC 8414)',
      parameters: [clientId],
      responses: { 200: json('The metadata', 'OAuthMetadata') },
    },
  }),
  ...atEveryServer('openidMetadata', {
    get: {
      operationId: 'openidMetadata',
      tags: ['metadata'],
      summary: 'What the authorization server offers (OpenID Connect Discovery)',
      parameters: [clientId],
      responses: { 200: json('The metadata', 'OpenIdMetadata') },
    },
  }),
};
