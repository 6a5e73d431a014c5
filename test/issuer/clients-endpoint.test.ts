import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { openStore } from '../../src/issuer/store/open-store.js';
import { describeWithVectors } from '../support/vectors.js';
import { send, startTestIssuer, tokenFor } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';
import { describeOnEveryStore } from './support/stores.js';
import { temporaryFolder } from '../support/temporary-folder.js';

interface ClientDocument extends Record<string, unknown> {
  readonly client_id: string;
  readonly client_secret?: string;
}

let issuer: TestIssuer;
let admin: ClientWithSecret;
let adminToken: string;

/** @param body sent as JSON, or as it is when it is text or bytes */
function call(
  method: string,
  path: string,
  body?: object | string | Uint8Array<ArrayBuffer>,
  token = adminToken,
): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  return send(`${issuer.origin}/oauth2/v1/clients${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
  });
}

async function create(document: object): Promise<ClientDocument> {
  const { status, json } = await call('POST', '', document);
  expect(status).toBe(201);
  return json as ClientDocument;
}

async function start(databaseUrl: string): Promise<void> {
  issuer = await startTestIssuer({ ISSUER_DATABASE_URL: databaseUrl });
  admin = await issuer.registry.add({ name: 'admin', scopes: ['okta.clients.manage'] });
  adminToken = await tokenFor(issuer, admin, 'okta.clients.manage');
}

/** Of the right form, but nobody's. */
const forgedCursor = Buffer.concat([
  Buffer.alloc(16),
  Buffer.from(JSON.stringify(['2026-01-01 00:00:00+00', '0oa'])),
]).toString('base64url');

const causesOf = ({ json }: Answer) =>
  (json.errorCauses as { errorSummary: string }[]).map(({ errorSummary }) => errorSummary).join('; ');

describeOnEveryStore('the registry of clients', ({ newDatabase }) => {
  beforeAll(async () => start(await newDatabase()));
  afterAll(() => issuer.close());

  it('makes a client whose secret is good at once, and shows the secret this once', async () => {
    const client = await create({ client_name: 'made', scope: 'read_a read_b' });
    expect(client).toMatchObject({
      client_name: 'made',
      client_secret_expires_at: 0,
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
      access: [
        { authorization_server: 'default', scopes: ['read_a', 'read_b'] },
        { authorization_server: 'org', scopes: ['read_a', 'read_b'] },
      ],
      status: 'ACTIVE',
    });
    expect(await tokenFor(issuer, client as unknown as ClientWithSecret, 'read_a')).toMatch(/^eyJ/);
    const { status, text } = await call('GET', `/${client.client_id}`);
    expect(status).toBe(200);
    expect(text).not.toContain('client_secret"');
    expect(issuer.log.join('')).not.toContain(client.client_secret);
  });

  it('takes what it showed, changed, and keeps the secret', async () => {
    const made = await create({ client_name: 'before', scope: 'read_a' });
    const { json } = await call('GET', `/${made.client_id}`);
    const changed = await call('PUT', `/${made.client_id}`, {
      ...json,
      client_name: 'after',
      access: [{ authorization_server: 'default', scopes: ['read_c'] }],
    });
    expect(changed.status).toBe(200);
    expect(changed.json).toMatchObject({ client_name: 'after', client_id: made.client_id });
    expect(changed.json).not.toHaveProperty('client_secret');
    const same = made as unknown as ClientWithSecret;
    expect(await tokenFor(issuer, same, 'read_c')).toMatch(/^eyJ/);
    expect(await tokenFor(issuer, same, 'read_a')).toBe('undefined');
  });

  it('gives a new secret and voids the old one', async () => {
    const made = await create({ client_name: 'rotated', scope: 'read_a' });
    const { status, json } = await call('POST', `/${made.client_id}/lifecycle/newSecret`);
    expect(status).toBe(200);
    expect(json.client_secret).not.toBe(made.client_secret);
    expect(await tokenFor(issuer, json as unknown as ClientWithSecret, 'read_a')).toMatch(/^eyJ/);
    expect(await tokenFor(issuer, made as unknown as ClientWithSecret, 'read_a')).toBe('undefined');
  });

  it('lets nobody in while a client is inactive', async () => {
    const made = await create({ client_name: 'switched', scope: 'read_a' });
    const off = await call('POST', `/${made.client_id}/lifecycle/deactivate`);
    expect(off.json.status).toBe('INACTIVE');
    expect(await tokenFor(issuer, made as unknown as ClientWithSecret, 'read_a')).toBe('undefined');
    const on = await call('POST', `/${made.client_id}/lifecycle/activate`);
    expect(on.json.status).toBe('ACTIVE');
    expect(await tokenFor(issuer, made as unknown as ClientWithSecret, 'read_a')).toMatch(/^eyJ/);
  });

  it('deletes a client once', async () => {
    const made = await create({ client_name: 'short', scope: 'read_a' });
    expect((await call('DELETE', `/${made.client_id}`)).status).toBe(204);
    const again = await call('DELETE', `/${made.client_id}`);
    expect([again.status, again.json.errorCode]).toEqual([404, 'E0000007']);
  });

  it('lists in pages that miss nobody and show nobody twice', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `page ${index}`);
    for (const client_name of names) await create({ client_name, scope: 'read_a' });
    const seen: unknown[] = [];
    let path = '?limit=3&q=PAGE';
    for (let pages = 0; path !== ''; pages++) {
      const { json, headers } = await call('GET', path);
      const list = json as unknown as ClientDocument[];
      seen.push(...list.map(({ client_name }) => client_name));
      expect(list.length).toBeLessThanOrEqual(3);
      expect(pages).toBeLessThan(3);
      const next = /^<.*?(\?[^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
      path = next ?? '';
    }
    expect(seen).toEqual(names);
  });

  it.each([
    ['a forged cursor', `?after=${forgedCursor}`, 'after'],
    ['no cursor at all', '?after=%00', 'after'],
    ['no number', '?limit=many', 'limit'],
    ['too many', '?limit=201', 'limit'],
    ['none', '?limit=0', 'limit'],
    ['two limits', '?limit=1&limit=2', 'limit'],
  ])('refuses a list with %s', async (_, query, member) => {
    const answer = await call('GET', query);
    expect([answer.status, answer.json.errorCode]).toEqual([400, 'E0000001']);
    expect(causesOf(answer)).toContain(`${member}: `);
  });

  it.each([
    ['no JSON', 'client_name=x', 'E0000003', ''],
    ['an array', '[]', 'E0000003', ''],
    ['nothing', '', 'E0000003', ''],
    ['a member twice', '{"client_name":"a","client_name":"b"}', 'E0000003', ''],
    ['__proto__', '{"client_name":"a","__proto__":{"is_admin":true}}', 'E0000003', ''],
    ['bytes that are no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'E0000003', ''],
    ['an unknown member', { client_name: 'a', is_admin: true }, 'E0000001', 'is_admin'],
    ['a secret of its own', { client_name: 'a', client_secret: 'x'.repeat(40) }, 'E0000001', 'client_secret'],
    ['no name', { scope: 'a' }, 'E0000001', 'client_name'],
    ['an unknown grant', { client_name: 'a', grant_types: ['implicit'] }, 'E0000001', 'grant_types'],
    [
      'a grant without its redirect URI',
      { client_name: 'a', grant_types: ['authorization_code'] },
      'E0000001',
      'redirect_uris',
    ],
    [
      'plain http',
      { client_name: 'a', redirect_uris: ['http://app.example/cb'] },
      'E0000001',
      'redirect_uris',
    ],
    [
      'a fragment',
      { client_name: 'a', redirect_uris: ['https://app.example/cb#x'] },
      'E0000001',
      'redirect_uris',
    ],
    [
      'a user',
      { client_name: 'a', redirect_uris: ['https://u@app.example/cb'] },
      'E0000001',
      'redirect_uris',
    ],
    ['a script', { client_name: 'a', redirect_uris: ['javascript:alert(1)'] }, 'E0000001', 'redirect_uris'],
    [
      'an unknown server',
      { client_name: 'a', access: [{ authorization_server: 'no', scopes: [] }] },
      'E0000001',
      'access',
    ],
    ['keys without need', { client_name: 'a', jwks: { keys: [{ kty: 'OKP' }] } }, 'E0000001', 'jwks'],
    [
      'a private key',
      {
        client_name: 'a',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ kty: 'OKP', d: 'x' }] },
      },
      'E0000001',
      'jwks',
    ],
    [
      'a leeway of hours',
      { client_name: 'a', refresh_token: { rotation_type: 'ROTATE', leeway: 3600 } },
      'E0000001',
      'refresh_token',
    ],
    ['a scope with a quote', { client_name: 'a', scope: 'a"b' }, 'E0000001', 'scope'],
    [
      'no authentication and its own tokens',
      { client_name: 'a', token_endpoint_auth_method: 'none' },
      'E0000001',
      'grant_types',
    ],
  ])('refuses a client with %s, and stores nothing', async (_, body, code, member) => {
    const before = (await issuer.registry.list()).length;
    const answer = await call('POST', '', body);
    expect([answer.status, answer.json.errorCode]).toEqual([400, code]);
    expect(causesOf(answer)).toContain(member);
    expect(await issuer.registry.list()).toHaveLength(before);
  });

  it('is for admins: 401 without a live token, 403 without the scope or the rights', async () => {
    const other = await issuer.registry.add({ name: 'other', scopes: ['read_a'] });
    const token = await tokenFor(issuer, other, 'read_a');
    for (const [bad, status, code] of [
      ['nonsense', 401, 'E0000011'],
      [token, 403, 'E0000006'],
    ] as const) {
      const answer = await call('GET', '', undefined, bad);
      expect([answer.status, answer.json.errorCode]).toEqual([status, code]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /);
    }
    const second = await issuer.registry.add({ name: 'second', scopes: ['okta.clients.manage'] });
    const secondToken = await tokenFor(issuer, second, 'okta.clients.manage');
    expect((await call('GET', '', undefined, secondToken)).status).toBe(200);
    await call('DELETE', `/${second.client_id}`);
    expect((await call('GET', '', undefined, secondToken)).status).toBe(401);
  });

  it('keeps its last admin', async () => {
    for (const [method, path] of [
      ['DELETE', ''],
      ['POST', '/lifecycle/deactivate'],
    ] as const) {
      const answer = await call(method, `/${admin.client_id}${path}`);
      expect([answer.status, causesOf(answer)]).toEqual([
        409,
        'it is the last admin: make another one first',
      ]);
    }
    const demoted = await call('PUT', `/${admin.client_id}`, { client_name: 'admin', scope: 'read_a' });
    expect(demoted.status).toBe(409);
    expect((await call('GET', '')).status).toBe(200);
  });
});

describe('the audit', () => {
  it('has a row for every change: who, what, whom, and no secret', async () => {
    const folder = temporaryFolder();
    await start(`pglite:${folder.path}/db`);
    const made = await create({ client_name: 'watched', scope: 'read_a' });
    const { json } = await call('POST', `/${made.client_id}/lifecycle/newSecret`);
    await call('DELETE', `/${made.client_id}`);
    await issuer.close();
    const store = await openStore(`pglite:${folder.path}/db`);
    const rows = await store.db.selectFrom('audit').selectAll().orderBy('id').execute();
    await store.close();
    folder.remove();
    const actor = `client:${admin.client_id}`;
    expect(rows.map(({ actor: who, action, target }) => [who, action, target])).toEqual([
      ['cli', 'client.create', admin.client_id],
      [actor, 'client.create', made.client_id],
      [actor, 'client.new-secret', made.client_id],
      [actor, 'client.delete', made.client_id],
    ]);
    for (const secret of [made.client_secret, json.client_secret, admin.client_secret])
      expect(JSON.stringify(rows)).not.toContain(secret);
  });
});

describeWithVectors('names that break things', 'naughty-strings', (folder) => {
  beforeAll(() => start('pglite:memory'));
  afterAll(() => issuer.close());

  it('are refused, or kept to the letter', async () => {
    const names = JSON.parse(readFileSync(`${folder}/blns.json`, 'utf8')) as string[];
    expect(names.length).toBeGreaterThan(400);
    for (const client_name of names) {
      const { status, json } = await call('POST', '', { client_name, scope: 'read_a' });
      expect([client_name, status === 201 || status === 400]).toEqual([client_name, true]);
      if (status === 201) expect(json.client_name).toBe(client_name);
    }
  });
});
