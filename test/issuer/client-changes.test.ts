import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { send, startTestIssuer, tokenFor } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';
import { withStore } from './support/servers.js';
import { describeOnEveryStore } from './support/stores.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const manage = 'okta.clients.manage';
const keyWithNul = { kty: 'OKP', crv: 'Ed25519', x: 'AAAA', kid: 'a\0b' };

describeOnEveryStore('changes of clients by REST', ({ newDatabase }) => {
  const folder = temporaryFolder();
  let databaseUrl: string;
  let issuer: TestIssuer;
  let admin: ClientWithSecret;
  let adminToken: string;

  beforeAll(async () => {
    databaseUrl = (await newDatabase()).replace('pglite:memory', `pglite:${folder.path}`);
    issuer = await startTestIssuer({ ISSUER_DATABASE_URL: databaseUrl });
    admin = await issuer.registry.add({ name: 'admin', scopes: [manage] });
    adminToken = await tokenFor(issuer, admin, manage);
  });
  afterAll(() => {
    folder.remove();
  });

  /** @param body sent as it is where it is text */
  function call(method: string, path: string, body?: object | string, token = adminToken): Promise<Answer> {
    return send(`${issuer.origin}/oauth2/v1/clients${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  it.each<[string, object | string, string]>([
    ['an unknown member', { client_name: 'b', admin: true }, 'admin'],
    [
      'an unknown member further in',
      { client_name: 'b', refresh_token: { rotation: 'ROTATE' } },
      'refresh_token',
    ],
    ['__proto__', '{"client_name":"b","__proto__":{"is_admin":true}}', ''],
    ['__proto__ further in', '{"client_name":"b","jwks":{"keys":[{"__proto__":{}}]}}', ''],
    ['constructor', '{"client_name":"b","constructor":{"prototype":{}}}', 'constructor'],
    [
      'a server that every object has',
      { client_name: 'b', access: [{ authorization_server: '__proto__', scopes: ['x'] }] },
      'access',
    ],
    [
      'a server with NUL',
      { client_name: 'b', access: [{ authorization_server: 'a\0b', scopes: [] }] },
      'access',
    ],
    [
      'a server twice',
      { client_name: 'b', access: [1, 2].map(() => ({ authorization_server: 'org', scopes: [] })) },
      'access',
    ],
    ['a redirect URI with NUL', { client_name: 'b', redirect_uris: ['https://a.test/\0'] }, 'redirect_uris'],
    [
      'a key with NUL',
      { client_name: 'b', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [keyWithNul] } },
      'jwks',
    ],
    ['a name with NUL', { client_name: 'b\0' }, 'client_name'],
    ['no name', {}, 'client_name'],
  ])('with %s are refused, and leave the client as it was', async (_, body, member) => {
    const { client_id: id } = await issuer.registry.add({ name: 'kept', scopes: ['read_a'] });
    const before = await call('GET', `/${id}`);
    for (const answer of [await call('PUT', `/${id}`, body), await call('POST', '', body)]) {
      const causes = answer.json.errorCauses as { errorSummary: string }[];
      expect([answer.status, answer.json.errorCode]).toEqual([400, member === '' ? 'E0000003' : 'E0000001']);
      expect(causes.map(({ errorSummary }) => errorSummary).join('; ')).toContain(member);
    }
    expect((await call('GET', `/${id}`)).text).toBe(before.text);
    expect(Object.prototype).not.toHaveProperty('is_admin');
  });

  it.each(['%00', '0oa%00', '__proto__', '%2e%2e', 'a'.repeat(2000), '%f0%9f%92%a9', "'%20or%201=1"])(
    'find nobody by the id %j',
    async (id) => {
      for (const [method, path] of [
        ['GET', ''],
        ['PUT', ''],
        ['DELETE', ''],
        ['POST', '/lifecycle/newSecret'],
        ['POST', '/lifecycle/activate'],
        ['POST', '/lifecycle/deactivate'],
      ] as const) {
        const { status, json } = await call(
          method,
          `/${id}${path}`,
          method === 'PUT' ? { client_name: 'b' } : undefined,
        );
        expect([method, path, status, json.errorCode]).toEqual([method, path, 404, 'E0000007']);
      }
    },
  );

  it('leave one of two admins who remove each other at the same time', async () => {
    for (let round = 0; round < 5; round++) {
      const other = await issuer.registry.add({ name: 'other', scopes: [manage] });
      const otherToken = await tokenFor(issuer, other, manage);
      const answers = await Promise.all([
        call('DELETE', `/${other.client_id}`),
        call('DELETE', `/${admin.client_id}`, undefined, otherToken),
      ]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([
        204,
        expect.toBeOneOf([401, 403, 409]),
      ]);
      if (answers[1].status === 204) [admin, adminToken] = [other, otherToken];
      expect((await call('GET', '')).status).toBe(200);
    }
  });

  // The last test: what it looks at is open in one process at a time.
  it('leave a row each in the audit, and none where they were refused', async () => {
    const { json: made } = await call('POST', '', { client_name: 'watched', scope: 'read_a' });
    const id = String(made.client_id);
    await call('PUT', `/${id}`, { client_name: 'after', scope: 'read_b' });
    await call('PUT', `/${id}`, { client_name: '' });
    const { json: renewed } = await call('POST', `/${id}/lifecycle/newSecret`);
    await call('POST', `/${id}/lifecycle/deactivate`);
    await call('POST', `/${id}/lifecycle/activate`);
    await call('DELETE', `/${id}`);
    await call('DELETE', `/${id}`);
    await issuer.close();
    const rows = await withStore(databaseUrl, ({ db }) =>
      db.selectFrom('audit').selectAll().where('target', '=', id).orderBy('id').execute(),
    );
    expect(rows.map(({ action }) => action)).toEqual(
      ['create', 'replace', 'new-secret', 'deactivate', 'activate', 'delete'].map((what) => `client.${what}`),
    );
    for (const { actor, at } of rows)
      expect([actor, Math.abs(at.getTime() - Date.now()) < 600_000]).toEqual([
        `client:${admin.client_id}`,
        true,
      ]);
    expect(rows[1]?.details).toMatchObject({
      name: 'after',
      access: { default: ['read_b'], org: ['read_b'] },
    });
    for (const { client_secret: secret } of [made, renewed])
      expect(JSON.stringify(rows) + issuer.log.join('')).not.toContain(secret);
  });
});
