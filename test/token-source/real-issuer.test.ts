import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ClientWithSecret, NewClient } from '../../src/issuer/clients/client-registry.js';
import { createTokenSource } from '../../src/token-source/index.js';
import type { RefreshEvent, TokenSource, TokenSourceOptions } from '../../src/token-source/index.js';
import { basic, post } from '../issuer/support/issuer.js';
import type { TestIssuer } from '../issuer/support/issuer.js';
import { credentials, person } from '../issuer/support/people.js';
import { manualTiming } from './support/manual-timing.js';
import { startNamedIssuer } from './support/named-issuer.js';

const hour = 3_600_000;

describe('a token source at the real issuer', () => {
  const timing = manualTiming();
  let issuer: TestIssuer;

  beforeAll(async () => {
    issuer = await startNamedIssuer(timing.clock);
    await issuer.registries.users.add(person);
  });
  afterAll(() => issuer.close());

  const addClient = (settings: Partial<NewClient> = {}): Promise<ClientWithSecret> =>
    issuer.registry.add({ name: 'job', scopes: ['read_weather'], ...settings });

  function sourceOf(client: ClientWithSecret, changes: Partial<TokenSourceOptions> = {}): TokenSource {
    const { client_id: clientId, client_secret: clientSecret } = client;
    const options = { issuer: issuer.issuer, clientId, clientSecret, grant: 'client_credentials', ...changes };
    const source = createTokenSource(options as TokenSourceOptions, timing);
    onTestFinished(() => source.close());
    return source;
  }

  const introspect = async (client: ClientWithSecret, token: string) =>
    (await post(issuer, 'introspect', { token }, { headers: basic(client) })).json;

  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'gets a token of its client by discovery and %s',
    async (clientAuthentication) => {
      const client = await addClient({ authMethod: clientAuthentication });
      const source = sourceOf(client, { clientAuthentication, scope: 'read_weather' });
      const token = await source.token();
      expect(decodeJwt(token)).toMatchObject({ cid: client.client_id, scp: ['read_weather'] });
      expect(await source.token()).toBe(token);
    },
  );
});
