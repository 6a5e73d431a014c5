import { afterAll, beforeAll, expect, it } from 'vitest';
import { Peppers } from '../../src/issuer/peppers.js';
import { ClientRegistry } from '../../src/issuer/clients/client-registry.js';
import { openStore } from '../../src/issuer/store/open-store.js';
import type { Store } from '../../src/issuer/store/open-store.js';
import { testPepper } from './support/issuer.js';
import { describeOnEveryStore } from './support/stores.js';

describeOnEveryStore('the client registry', ({ newDatabase }) => {
  let store: Store;
  let registry: ClientRegistry;

  beforeAll(async () => {
    store = await openStore(await newDatabase());
    registry = new ClientRegistry(store, new Peppers([testPepper]));
  });

  afterAll(() => store.close());
  it("gives ids that look like Okta's, and secrets of 32 random bytes", async () => {
    const client = await registry.add({ name: 'one', scopes: ['b', 'a', 'b'] });
    expect(client.client_id).toMatch(/^0oa[A-Za-z0-9]{17}$/);
    expect(Buffer.from(client.client_secret, 'base64url')).toHaveLength(32);
    expect(client).toMatchObject({ client_name: 'one', scopes: ['a', 'b'] });
  });

  it('keeps no secret: what the database holds of it is a digest', async () => {
    const { client_id, client_secret } = await registry.add({ name: 'two', scopes: ['a'] });
    const row = await store.db
      .selectFrom('clients')
      .selectAll()
      .where('id', '=', client_id)
      .executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(client_secret);
    expect(Buffer.from(row.secret_digest ?? [])).toHaveLength(32);
    expect(Buffer.from(row.secret_digest ?? []).equals(Buffer.from(client_secret, 'base64url'))).toBe(false);
  });

  it('lists clients in the order of their making, without secrets', async () => {
    const list = await registry.list();
    expect(list.map(({ client_name }) => client_name)).toEqual(['one', 'two']);
    expect(Object.keys(list[0] ?? {})).not.toContain('client_secret');
  });

  it.each([
    ['', ['a'], /name has 1 to 100 characters/],
    ['x'.repeat(101), ['a'], /name has 1 to 100 characters/],
    ['tab\there', ['a'], /name has 1 to 100 characters/],
    ['right-to-left \u202e', ['a'], /name has 1 to 100 characters/],
    ['half \ud800', ['a'], /name has 1 to 100 characters/],
    ['many', Array.from({ length: 101 }, (_, index) => `s${index}`), /at most 100 scopes/],
    ['space', ['a b'], /"a b" is no scope/],
    ['quote', ['a"b'], /is no scope/],
    ['umlaut', ['lesen_ä'], /is no scope/],
  ])('refuses the client %j with scopes %j and stores nothing', async (name, scopes, message) => {
    const before = (await registry.list()).length;
    await expect(registry.add({ name, scopes })).rejects.toThrow(message);
    expect(await registry.list()).toHaveLength(before);
  });

  it('takes names in any script', async () => {
    for (const name of ['Größe 1', '部屋', "O'Brien", '<b>', '__proto__', '; drop table clients']) {
      const { client_id, client_name } = await registry.add({ name, scopes: ['a'] });
      expect(client_name).toBe(name);
      await registry.remove(client_id);
    }
  });

  it('says so when there is no such client', async () => {
    await expect(registry.remove('0oaNobody')).rejects.toThrow('there is no client "0oaNobody"');
    await expect(registry.rotateSecret('0oaNobody')).rejects.toThrow('there is no client "0oaNobody"');
  });
});
