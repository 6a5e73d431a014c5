import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { KeyRegistry } from '../../src/issuer/keys/key-registry.js';
import { SigningKeyRing } from '../../src/issuer/keys/signing-key-ring.js';
import { Peppers } from '../../src/issuer/peppers.js';
import { openStore } from '../../src/issuer/store/open-store.js';
import type { Store } from '../../src/issuer/store/open-store.js';
import { sweepExpired } from '../../src/issuer/store/sweep.js';
import { testPepper } from './support/issuer.js';
import { describeOnEveryStore } from './support/stores.js';

const now = Date.UTC(2030, 0, 1);
const clock = () => now;
const over = new Date(now - 1);
const notOver = new Date(now);
/** What the rows of these tests are told apart by. */
const ages = { over, 'not over': notOver, 'long to go': new Date(now + 86_400_000) };

describeOnEveryStore('the sweep', ({ newDatabase }) => {
  let store: Store;

  beforeAll(async () => {
    store = await openStore(await newDatabase());
    await store.db
      .insertInto('clients')
      .values({ id: 'c', name: 'c', secret_digest: null, pepper_id: null })
      .execute();
    await store.db
      .insertInto('users')
      .values({ id: 'u', login: 'u', password_hash: '', name: null, email: null })
      .execute();
  });

  afterAll(() => store.close());

  beforeEach(async () => {
    for (const table of [
      'access_tokens',
      'refresh_families',
      'authorization_codes',
      'used_assertions',
    ] as const)
      await store.db.deleteFrom(table).execute();
  });

  const person = { client_id: 'c', server_id: 'default', user_id: 'u', scopes: ['read'], auth_time: over };

  it('deletes access tokens whose time is over, revoked or not, and no others', async () => {
    const rows = Object.entries(ages).flatMap(([age, expires_at]) =>
      ['live', 'revoked'].map((state) => ({
        jti: `${age}, ${state}`,
        client_id: 'c',
        user_id: null,
        family_id: null,
        expires_at,
      })),
    );
    await store.db.insertInto('access_tokens').values(rows).execute();
    await store.change((db) =>
      db.updateTable('access_tokens').set({ revoked_at: over }).where('jti', 'like', '%revoked').execute(),
    );
    expect(await sweepExpired(store.db, clock)).toBe(2);
    const left = await store.db.selectFrom('access_tokens').select('jti').orderBy('jti').execute();
    expect(left.map(({ jti }) => jti)).toEqual([
      'long to go, live',
      'long to go, revoked',
      'not over, live',
      'not over, revoked',
    ]);
  });

  it('deletes families of refresh tokens with all their tokens, and leaves those whose time is not over', async () => {
    for (const [id, expires_at] of Object.entries(ages)) {
      await store.db
        .insertInto('refresh_families')
        .values({ id, ...person, expires_at })
        .execute();
      const tokens = [1, 2].map(() => ({ digest: randomBytes(32), family_id: id, used_at: over }));
      await store.db.insertInto('refresh_tokens').values(tokens).execute();
    }
    await sweepExpired(store.db, clock);
    const left = await store.db.selectFrom('refresh_tokens').select('family_id').execute();
    expect(left.map(({ family_id }) => family_id).toSorted()).toEqual([
      'long to go',
      'long to go',
      'not over',
      'not over',
    ]);
    const families = await store.db.selectFrom('refresh_families').select('id').execute();
    expect(families.map(({ id }) => id).toSorted()).toEqual(['long to go', 'not over']);
  });

  it('deletes codes and used assertions whose time is over, and no others', async () => {
    for (const [age, expires_at] of Object.entries(ages)) {
      const code = { redirect_uri: age, nonce: null, code_challenge: null, expires_at };
      await store.db
        .insertInto('authorization_codes')
        .values({ digest: randomBytes(32), ...person, ...code })
        .execute();
      await store.db.insertInto('used_assertions').values({ client_id: 'c', jti: age, expires_at }).execute();
    }
    expect(await sweepExpired(store.db, clock)).toBe(2);
    const codes = await store.db.selectFrom('authorization_codes').select('redirect_uri').execute();
    expect(codes.map(({ redirect_uri }) => redirect_uri).toSorted()).toEqual(['long to go', 'not over']);
    const assertions = await store.db.selectFrom('used_assertions').select('jti').execute();
    expect(assertions.map(({ jti }) => jti).toSorted()).toEqual(['long to go', 'not over']);
  });

  it('deletes a retired key when its last token must have expired, and never another key', async () => {
    await SigningKeyRing.open(store, new Peppers([testPepper]));
    const keys = new KeyRegistry(store, new Peppers([testPepper]), undefined, clock);
    await keys.rotate();
    const before = await keys.list();
    const servedMs = (86_400 + 60) * 1000;
    await sweepExpired(store.db, () => now + servedMs);
    expect(await keys.list()).toEqual(before);
    await sweepExpired(store.db, () => now + servedMs + 1);
    expect((await keys.list()).map(({ state }) => state)).toEqual(['current', 'next']);
  });

  it('deletes more than one statement takes, by two processes at once, each row once', async () => {
    await sql`insert into access_tokens (jti, client_id, expires_at)
      select 'old ' || n, 'c', ${over} from generate_series(1, 12000) n`.execute(store.db);
    await sql`insert into access_tokens (jti, client_id, expires_at)
      select 'young ' || n, 'c', ${notOver} from generate_series(1, 100) n`.execute(store.db);
    const deleted = await Promise.all([sweepExpired(store.db, clock), sweepExpired(store.db, clock)]);
    expect(deleted[0] + deleted[1]).toBe(12_000);
    const left = await store.db.selectFrom('access_tokens').select('jti').execute();
    expect([left.length, left.every(({ jti }) => jti.startsWith('young'))]).toEqual([100, true]);
  });
});
