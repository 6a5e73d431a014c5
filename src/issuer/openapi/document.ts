import { version } from '../../base/version.js';
import type { IssuerSettings } from '../../settings/issuer-settings.js';
import { adminScope } from '../admin/admin-access.js';
import { answers } from './answers.js';
import { clientPaths } from './client-paths.js';
import { clientSchemas } from './client-schemas.js';
import { compatPaths, compatSchemas } from './compat-paths.js';
import type { Paths } from './description.js';
import { documentationPaths } from './documentation-paths.js';
import { faultPaths, faultSchemas, withOrderedFaults } from './fault-paths.js';
import { metadataPaths } from './metadata-paths.js';
import { schemas } from './schemas.js';
import { signInPaths } from './sign-in-paths.js';
import { tokenPaths } from './token-paths.js';

/** What decides which operations there are. */
export type Served = Pick<IssuerSettings, 'baseUrl' | 'compat' | 'mode'>;

const description = `An authorization server that Okta's own clients take for Okta.

Each custom authorization server has its endpoints below \`/oauth2/{serverId}\`, the org's own below \`/oauth2\`. OPTIONS \
answers CORS preflights, HEAD wherever there is GET, and another method at an endpoint of a server is 405. Any request may \
be answered before it reaches an operation: 400, 408, 417 or 431, in Okta's form, when it is no HTTP, too slow, has an \
expectation, or a header of more than 16 KiB.`;

const tags = [
  { name: 'tokens', description: 'for programs' },
  { name: 'people', description: 'for browsers' },
  { name: 'metadata', description: 'what clients find out by themselves' },
  { name: 'clients', description: `the registry, for access tokens with the scope ${adminScope}` },
  { name: 'documentation' },
];
const faultTags = [{ name: 'faults', description: 'on demand, in development mode' }];
const compatTags = [{ name: 'older services', description: 'their calls, unchanged; ISSUER_COMPAT=on' }];

/** An OpenAPI 3.1 document of everything that an issuer with these settings serves. */
export function openApiDocument({ baseUrl, compat, mode }: Served) {
  const hasCompat = compat === 'on';
  const hasFaults = mode === 'development';
  return {
    openapi: '3.1.1',
    info: {
      title: 'The issuer',
      version,
      description,
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: baseUrl }],
    tags: [...tags, ...(hasFaults ? faultTags : []), ...(hasCompat ? compatTags : [])],
    paths: pathsOf(hasCompat, hasFaults),
    components: {
      schemas: {
        ...schemas,
        ...clientSchemas,
        ...(hasFaults && faultSchemas),
        ...(hasCompat && compatSchemas),
      },
      responses: answers,
      securitySchemes: securitySchemes(baseUrl),
    },
  };
}

function pathsOf(hasCompat: boolean, hasFaults: boolean): Paths {
  const paths: Paths = {
    ...tokenPaths,
    ...signInPaths,
    ...metadataPaths,
    ...clientPaths,
    ...documentationPaths,
    ...(hasCompat && compatPaths),
  };
  return hasFaults ? { ...withOrderedFaults(paths), ...faultPaths } : paths;
}

function securitySchemes(baseUrl: string) {
  return {
    clientSecretBasic: {
      type: 'http',
      scheme: 'basic',
      description: 'client id and secret, each form-encoded (RFC 6749 section 2.3.1)',
    },
    bearer: { type: 'http', scheme: 'bearer', description: 'an access token' },
    admin: {
      type: 'oauth2',
      description: 'an access token of an admin client',
      flows: {
        clientCredentials: {
          tokenUrl: `${baseUrl}/oauth2/v1/token`,
          scopes: { [adminScope]: 'manage clients' },
        },
      },
    },
  };
}
