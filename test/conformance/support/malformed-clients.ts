import { randomBytes } from 'node:crypto';
import { clientKey } from '../../issuer/support/assertions.js';

const secret = () => randomBytes(24).toString('base64url');

/** The same clients at both sides, so that both get the same bytes. */
export const signerKey = clientKey('RSA', { kid: 'k1', alg: 'RS256', use: 'sig' });
export const redirectUri = 'https://app.example.test/callback';

export const clients = [
  { id: 'program', secret: secret(), authMethod: 'client_secret_basic', grants: ['client_credentials'] },
  {
    id: 'app',
    secret: secret(),
    authMethod: 'client_secret_post',
    grants: ['authorization_code', 'refresh_token'],
  },
  { id: 'browser', secret: secret(), authMethod: 'none', grants: ['authorization_code'] },
  { id: 'signer', secret: secret(), authMethod: 'private_key_jwt', grants: ['client_credentials'] },
] as const;

export const [program, app, browser, signer] = clients;
/** What each client may ask for. There is also `write_weather`, which none may. */
export const scope = 'read_weather';
export const ungrantedScope = 'write_weather';
