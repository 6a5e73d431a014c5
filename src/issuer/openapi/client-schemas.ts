import { z } from 'zod';
import { clientDocument } from '../clients/client-document.js';
import { clientAuthMethods, grantTypes } from '../store/schema.js';
import type { Schema } from './description.js';
import { closed, described, oneOfTexts, seconds, text, texts } from './schema-parts.js';

/** The schema that a body is checked with. Its dialect is that of the whole document, and not named again. */
export function bodySchema(checked: z.ZodType): Schema {
  const members = Object.entries(z.toJSONSchema(checked, { io: 'input' }));
  return Object.fromEntries(members.filter(([name]) => name !== '$schema'));
}

const shownClient: Readonly<Record<string, Schema>> = {
  client_id: text,
  client_id_issued_at: seconds,
  client_name: text,
  grant_types: { type: 'array', items: oneOfTexts(grantTypes) },
  response_types: texts,
  redirect_uris: texts,
  post_logout_redirect_uris: texts,
  token_endpoint_auth_method: oneOfTexts(clientAuthMethods),
  jwks: closed({ keys: { type: 'array', items: { type: 'object' } } }),
  access: { type: 'array', items: closed({ authorization_server: text, scopes: texts }) },
  refresh_token: closed({
    rotation_type: oneOfTexts(['STATIC', 'ROTATE']),
    leeway: { type: 'integer', minimum: 0, maximum: 60, description: 'seconds' },
  }),
  status: oneOfTexts(['ACTIVE', 'INACTIVE']),
};
const alwaysShown = Object.keys(shownClient).filter((name) => name !== 'jwks');

export const clientSchemas = {
  NewClient: {
    ...bodySchema(clientDocument),
    description: 'RFC 7591 section 2. `scope` is for the servers `default` and `org`, `access` for any.',
  },
  Client: closed(shownClient, alwaysShown),
  ClientWithSecret: closed(
    {
      ...shownClient,
      client_secret: described(text, 'where the client has just got one; shown this once'),
      client_secret_expires_at: { const: 0, description: 'never' },
    },
    alwaysShown,
  ),
  Clients: { type: 'array', items: { $ref: '#/components/schemas/Client' } },
} satisfies Record<string, Schema>;
