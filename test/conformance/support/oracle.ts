import { once } from 'node:events';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import type { ClientMetadata } from 'oidc-provider';
import { clients, redirectUri, scope, signerKey, ungrantedScope } from './malformed-clients.js';
import { freePort } from './free-port.js';

export interface Oracle {
  /** Its endpoints have the issuer's own paths under this. */
  readonly issuer: string;
  readonly close: () => Promise<void>;
}

/** Another implementation of the same RFCs, with the same clients, on loopback. */
export async function startOracle(): Promise<Oracle> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(issuer, {
    clients: clients.map(metadataOf),
    jwks: { keys: [await exportJWK(privateKey)] },
    scopes: ['openid', 'offline_access', scope, ungrantedScope],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: false },
    },
    routes: { token: '/v1/token', introspection: '/v1/introspect', revocation: '/v1/revoke' },
  });
  const server = createServer((request, response) => void provider.callback()(request, response));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    issuer,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function metadataOf({ id, secret, authMethod, grants }: (typeof clients)[number]): ClientMetadata {
  const hasSecret = authMethod === 'client_secret_basic' || authMethod === 'client_secret_post';
  const isForPeople = grants.some((grant) => grant === 'authorization_code');
  return {
    client_id: id,
    token_endpoint_auth_method: authMethod,
    grant_types: [...grants],
    redirect_uris: isForPeople ? [redirectUri] : [],
    response_types: isForPeople ? ['code'] : [],
    scope: isForPeople ? `openid offline_access ${scope}` : scope,
    ...(hasSecret && { client_secret: secret }),
    ...(authMethod === 'private_key_jwt' && { jwks: { keys: [signerKey.jwk] } }),
  };
}
