import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { KeyRegistry } from '../../src/issuer/keys/key-registry.js';
import { Peppers } from '../../src/issuer/peppers.js';
import { openStore } from '../../src/issuer/store/open-store.js';
import type { Store } from '../../src/issuer/store/open-store.js';
import { describeWithPostgres, startPostgres } from '../support/postgres.js';
import type { PostgresServer } from '../support/postgres.js';
import { basic, post, send, startTestIssuer, testPepper, tokenFor } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';
import { addServer, listClient } from './support/servers.js';

/** More than the five seconds for which a change by another process may go unseen. */
const seen = { timeout: 15_000, interval: 250 };

describeWithPostgres('issuers that share a PostgreSQL', (binaries) => {
  let postgres: PostgresServer;
  let store: Store;
  /** Of a process that is none of the issuers. */
  let keys: KeyRegistry;

  beforeAll(async () => {
    postgres = await startPostgres(binaries);
  });

  afterAll(() => postgres.close());

  async function newDatabase(): Promise<string> {
    const url = await postgres.newDatabase();
    store = await openStore(url);
    onTestFinished(() => store.close());
    keys = new KeyRegistry(store, new Peppers([testPepper]));
    return url;
  }

  async function issuerOn(databaseUrl: string): Promise<TestIssuer> {
    const issuer = await startTestIssuer({ ISSUER_DATABASE_URL: databaseUrl });
    onTestFinished(() => issuer.close());
    return issuer;
  }

  const kidsAt = async (issuer: TestIssuer) => {
    const { json } = await send(`${issuer.origin}/oauth2/default/v1/keys`);
    return (json as unknown as JSONWebKeySet).keys.map(({ kid }) => kid);
  };
  const isActive = async (issuer: TestIssuer, client: ClientWithSecret, token: string) => {
    const { status, json } = await post(issuer, 'introspect', { token }, { headers: basic(client) });
    expect(status).toBe(200);
    return json.active;
  };

  it('have one set of keys, and see each other’s rotations', async () => {
    const url = await newDatabase();
    const [first, second] = await Promise.all([issuerOn(url), issuerOn(url)]);
    const before = await kidsAt(first);
    expect(await kidsAt(second)).toEqual(before);
    const after = (await keys.rotate()).map(({ kid }) => kid);
    expect(after).not.toEqual(before);
    for (const issuer of [first, second])
      await vi.waitFor(async () => {
        expect(await kidsAt(issuer)).toEqual(after);
      }, seen);
  });

  it('accept a token of a key that another made a moment ago, and the other the token of the key before', async () => {
    const url = await newDatabase();
    const first = await issuerOn(url);
    const client = await first.registry.add({ name: 'greeter', scopes: ['read_sayhello'] });
    const old = await tokenFor(first, client, 'read_sayhello');
    const known = await kidsAt(first);
    // Twice: the key after the next one has been published by nobody but those that start now.
    await keys.rotate();
    await keys.rotate();
    const second = await issuerOn(url);
    const young = await tokenFor(second, client, 'read_sayhello');
    expect(known).not.toContain(decodeProtectedHeader(young).kid);
    expect([await isActive(first, client, young), await isActive(second, client, old)]).toEqual([true, true]);
  });

  it('drop a key that was removed, and the tokens that it signed', async () => {
    const url = await newDatabase();
    const issuer = await issuerOn(url);
    const client = await issuer.registry.add({ name: 'greeter', scopes: ['read_sayhello'] });
    const token = await tokenFor(issuer, client, 'read_sayhello');
    expect(await isActive(issuer, client, token)).toBe(true);
    const { kid = '' } = decodeProtectedHeader(token);
    await keys.remove(kid);
    await vi.waitFor(async () => {
      expect(await kidsAt(issuer)).not.toContain(kid);
    }, seen);
    expect(await isActive(issuer, client, token)).toBe(false);
    const next = await tokenFor(issuer, client, 'read_sayhello');
    expect(await isActive(issuer, client, next)).toBe(true);
  });

  it('serve an authorization server that was made while they run, keys and all', async () => {
    const url = await newDatabase();
    const [first, second] = await Promise.all([issuerOn(url), issuerOn(url)]);
    const client = await first.registry.add({ name: 'greeter', scopes: ['read_sayhello'] });
    await addServer(store, { id: 'late', algorithm: 'ES256', scopes: { read: true } });
    await listClient(store, client.client_id, 'late', ['read']);
    const { json } = await send(`${second.origin}/oauth2/late/v1/keys`);
    const keySet = createLocalJWKSet(json as unknown as JSONWebKeySet);
    const requests = [first, second].flatMap((issuer) => [issuer, issuer, issuer]);
    const answers = await Promise.all(
      requests.map(({ origin }) =>
        send(`${origin}/oauth2/late/v1/token`, {
          method: 'POST',
          headers: basic(client),
          body: new URLSearchParams({ grant_type: 'client_credentials' }),
        }),
      ),
    );
    for (const { json: answer } of answers)
      await jwtVerify(String(answer.access_token), keySet, { audience: 'api://late', algorithms: ['ES256'] });
    const made = (await keys.list()).filter(({ algorithm }) => algorithm === 'ES256');
    expect(made.map(({ state }) => state)).toEqual(['current', 'next']);
  });
});
