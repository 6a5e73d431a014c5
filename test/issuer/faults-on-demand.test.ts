import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addClient, preparedDatabase } from './support/clients.js';
import type { AddedClient } from './support/clients.js';
import { basic, post, send, startTestIssuer, tokenFor } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';

const onPglite = { newDatabase: () => Promise.resolve('pglite:memory') };
const manage = { serverId: 'org', scope: 'okta.clients.manage' };
const grant = { grant_type: 'client_credentials', scope: 'read_sayhello' };

let issuer: TestIssuer;
let client: AddedClient;
let admin: string;
let database: { readonly url: string; readonly remove: () => void };
let tokensOf: Record<'admin' | 'otherScope' | 'formerAdmin' | 'client', string>;

async function orgToken(who: AddedClient | undefined, scope = manage.scope): Promise<string> {
  if (who === undefined) throw new Error('the client was not added');
  const { json } = await send(`${issuer.origin}/oauth2/v1/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic(who) },
    body: `grant_type=client_credentials&scope=${scope}`,
  });
  return String(json.access_token);
}

beforeAll(async () => {
  let formerAdmin: AddedClient | undefined;
  let presentAdmin: AddedClient | undefined;
  let adminOfOther: AddedClient | undefined;
  database = await preparedDatabase(onPglite, async (store) => {
    client = await addClient(store);
    presentAdmin = await addClient(store, { ...manage, isAdmin: true });
    formerAdmin = await addClient(store, manage);
    adminOfOther = await addClient(store, { serverId: 'org', scope: 'okta.other', isAdmin: true });
  });
  issuer = await startTestIssuer({ ISSUER_MODE: 'development', ISSUER_DATABASE_URL: database.url });
  tokensOf = {
    admin: await orgToken(presentAdmin),
    formerAdmin: await orgToken(formerAdmin),
    otherScope: await orgToken(adminOfOther, 'okta.other'),
    client: await tokenFor(issuer, client, 'read_sayhello'),
  };
  admin = tokensOf.admin;
});

afterEach(() => faults('DELETE'));

afterAll(async () => {
  await issuer.close();
  database.remove();
});

function faults(method: string, path = '', body?: unknown, token = admin): Promise<Answer> {
  return send(`${issuer.origin}/faults${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

const askToken = () => post(issuer, 'token', grant, { headers: basic(client) });
const introspect = () => post(issuer, 'introspect', { token: tokensOf.client }, { headers: basic(client) });
const keys = () => send(`${issuer.origin}/oauth2/default/v1/keys`);

describe('a fault that was ordered', () => {
  it('fails the next calls with a status, and then no more', async () => {
    const ordered = await faults('PUT', '/token', { kind: 'fail', status: 502, calls: 2 });
    expect([ordered.status, ordered.json]).toEqual([200, { token: { kind: 'fail', status: 502, calls: 2 } }]);
    const answers = [await askToken(), await askToken(), await askToken()];
    expect(answers.map(({ status }) => status)).toEqual([502, 502, 200]);
    expect(answers[0]?.json.errorCode).toBe('E0000009');
  });

  it('answers 429 with the headers to wait by', async () => {
    await faults('PUT', '/introspect', { kind: 'rate_limit', retryAfterSeconds: 7, calls: 1 });
    const { status, json, headers } = await introspect();
    expect([status, json.errorCode, headers.get('retry-after')]).toEqual([429, 'E0000047', '7']);
    expect(headers.get('x-rate-limit-remaining')).toBe('0');
    expect(Number(headers.get('x-rate-limit-reset')) * 1000).toBeGreaterThan(Date.now());
    expect((await introspect()).json.active).toBe(true);
  });

  it('ends the connection without an answer', async () => {
    await faults('PUT', '/keys', { kind: 'drop', calls: 1 });
    await expect(keys()).rejects.toThrow('fetch failed');
    expect((await keys()).status).toBe(200);
  });

  it('makes the usual answer late', async () => {
    await faults('PUT', '/keys', { kind: 'slow', delayMs: 1000, calls: 1 });
    const order: string[] = [];
    const slow = keys().then(({ status }) => order.push(`slow ${status}`));
    const quick = introspect().then(() => order.push('quick'));
    await Promise.all([slow, quick]);
    expect(order).toEqual(['quick', 'slow 200']);
  });

  it('leaves other endpoints and other methods alone', async () => {
    await faults('PUT', '/token', { kind: 'fail', status: 500, calls: 1 });
    expect((await introspect()).status).toBe(200);
    expect((await send(`${issuer.origin}/oauth2/default/v1/token`)).status).toBe(405);
    expect((await askToken()).status).toBe(500);
  });

  it('is told with the calls that are left, and takes the place of the one before', async () => {
    await faults('PUT', '/token', { kind: 'drop', calls: 9 });
    await faults('PUT', '/token', { kind: 'fail', status: 503, calls: 5 });
    await faults('PUT', '/keys', { kind: 'slow', delayMs: 1, calls: 10_000 });
    await askToken();
    expect((await faults('GET')).json).toEqual({
      token: { kind: 'fail', status: 503, calls: 4 },
      keys: { kind: 'slow', delayMs: 1, calls: 10_000 },
    });
  });

  it('can be taken back, alone or with all others', async () => {
    const fault = { kind: 'drop', calls: 1 };
    for (const path of ['/token', '/keys', '/introspect']) await faults('PUT', path, fault);
    const one = await faults('DELETE', '/token');
    expect([one.status, one.text]).toEqual([204, '']);
    expect(Object.keys((await faults('GET')).json).toSorted()).toEqual(['introspect', 'keys']);
    expect((await faults('DELETE')).status).toBe(204);
    expect((await faults('GET')).json).toEqual({});
  });
});

describe('an order', () => {
  it.each<[string, unknown, string]>([
    ['without calls', { kind: 'drop' }, 'E0000001'],
    ['of no call', { kind: 'drop', calls: 0 }, 'E0000001'],
    ['of too many calls', { kind: 'drop', calls: 10_001 }, 'E0000001'],
    ['of half a call', { kind: 'drop', calls: 0.5 }, 'E0000001'],
    ['of more than a minute', { kind: 'slow', delayMs: 60_001, calls: 1 }, 'E0000001'],
    ['of a good status', { kind: 'fail', status: 200, calls: 1 }, 'E0000001'],
    ['of a status that is none', { kind: 'fail', status: 600, calls: 1 }, 'E0000001'],
    ['of no delay', { kind: 'slow', calls: 1 }, 'E0000001'],
    ['of another kind', { kind: 'explode', calls: 1 }, 'E0000001'],
    ['with a member that it has not', { kind: 'drop', calls: 1, status: 500 }, 'E0000001'],
    ['with __proto__', '{"kind":"drop","calls":1,"__proto__":{}}', 'E0000003'],
    ['with a member twice', '{"kind":"drop","calls":1,"calls":2}', 'E0000003'],
    ['that is a list', [], 'E0000003'],
    ['that is no JSON', 'kind=drop', 'E0000003'],
    ['of nothing', '', 'E0000003'],
  ])('%s is refused with 400', async (_, body, errorCode) => {
    const { status, json } = await faults('PUT', '/token', body);
    expect([status, json.errorCode]).toEqual([400, errorCode]);
    expect((await faults('GET')).json).toEqual({});
  });

  it('for an endpoint that has no faults is refused with 404', async () => {
    const { status, json } = await faults('PUT', '/revoke', { kind: 'drop', calls: 1 });
    expect([status, json.errorCode]).toEqual([404, 'E0000007']);
    expect((await faults('DELETE', '/__proto__')).status).toBe(404);
  });

  it.each<[string, () => string, number, string]>([
    ['no token of this issuer', () => 'nonsense', 401, 'E0000011'],
    ['an admin’s token without the scope', () => tokensOf.otherScope, 403, 'E0000006'],
    ['a token of a client that is no admin', () => tokensOf.formerAdmin, 403, 'E0000006'],
  ])('by %s is refused', async (_, token, refused, errorCode) => {
    for (const [method, path] of [
      ['PUT', '/token'],
      ['GET', ''],
      ['DELETE', ''],
      ['DELETE', '/token'],
    ] as const) {
      const body = method === 'PUT' ? { kind: 'drop', calls: 1 } : undefined;
      const { status, json, headers } = await faults(method, path, body, token());
      expect([method, status, json.errorCode]).toEqual([method, refused, errorCode]);
      expect(headers.get('www-authenticate')).toContain('Bearer');
    }
    expect((await faults('GET')).json).toEqual({});
  });

  it('without a token is refused with 401', async () => {
    expect((await send(`${issuer.origin}/faults`)).status).toBe(401);
  });
});

it('in production there is no such endpoint', async () => {
  const production = await startTestIssuer();
  try {
    const { status, json } = await send(`${production.origin}/faults`);
    expect([status, json.errorCode]).toEqual([404, 'E0000007']);
  } finally {
    await production.close();
  }
});
