import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, get, json, send } from '../support/api-client.js';
import { adapterNames, startGuardedApp } from '../support/api-guarded-app.js';
import type { GuardedApp } from '../support/api-guarded-app.js';
import { startApiWorld } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';
import { controllers } from './support/controllers.js';

const settingsPath = 'demoapi/authz/decision';

/** Target, decision path that is asked. */
const guardedRoutes: readonly (readonly [target: string, decisionPath: string, why: string])[] = [
  ['/orders', settingsPath, 'it has no decorator'],
  ['/orders/of/acme/7', settingsPath, 'it has parameters and no decorator'],
  ['/orders/files/a/b', settingsPath, 'it is a wildcard without decorator'],
  ['/orders/admin', 'orders/admin/allow', '@Policy on the handler'],
  ['/orders/both', 'orders/both/allow', '@Policy and @Public contradict each other, and nothing fails open'],
  ['/open/policed', 'open/after/all', '@Policy on the handler is nearer than @Public on the controller'],
  ['/policed', 'policed/controller/allow', '@Policy on the controller'],
  ['/policed/other', 'policed/handler/allow', '@Policy on the handler is nearer than that on the controller'],
  ['/contradiction', 'contradiction/allow', '@Policy and @Public on a controller contradict each other'],
  ['/shared/closed', settingsPath, 'the class that inherits the handler has no decorator'],
];

const publicRoutes: readonly (readonly [target: string, why: string])[] = [
  ['/orders/health', '@Public on the handler'],
  ['/open', '@Public on the controller'],
  ['/policed/health', '@Public on the handler is nearer than @Policy on the controller'],
  ['/shared/open', 'the class that inherits the handler is public'],
];

describe.each(adapterNames)('the guard on %s', (adapter) => {
  let world: ApiWorld;
  let guarded: GuardedApp;

  beforeAll(async () => {
    world = await startApiWorld();
    guarded = await startGuardedApp(world, adapter, controllers);
  });

  beforeEach(() => {
    world.opa.decidesBy(() => true);
  });

  afterAll(async () => {
    await guarded.app.close();
    await world.close();
  });

  /** What is asked and recorded on behalf of one request. */
  async function following<T>(request: () => Promise<T>) {
    const [asked, recorded] = [world.opa.asked().length, guarded.records.length];
    const answer = await request();
    return { answer, asked: world.opa.asked().slice(asked), records: guarded.records.slice(recorded) };
  }

  it.each(guardedRoutes)('%s asks %s: %s', async (target, decisionPath) => {
    const token = await world.token();
    expect(await get(guarded.port, target)).toMatchObject({ status: 401 });
    const granted = await following(() => get(guarded.port, target, token));
    expect([granted.answer.status, granted.asked.map((asked) => asked.decisionPath)]).toEqual([
      200,
      [decisionPath],
    ]);
    expect(granted.records).toMatchObject([{ outcome: 'allow', decisionPath, api: target }]);
    world.opa.decidesBy(() => false);
    expect(await get(guarded.port, target, token)).toMatchObject({ status: 403 });
  });

  it.each(publicRoutes)('%s asks nobody: %s', async (target) => {
    const { answer, asked, records } = await following(() => get(guarded.port, target));
    expect([answer.status, asked, records]).toEqual([200, [], []]);
  });

  it.each(['/orders/health#x', '/orders/he%61lth', 'http://api.test/orders/health'])(
    'a public route is not reached by another spelling either: %s',
    async (target) => {
      expect([400, 404]).toContain((await get(guarded.port, target)).status);
    },
  );

  it('two controllers that share a handler are told apart, whoever is called first', async () => {
    const statuses = [];
    for (const target of ['/shared/open', '/shared/closed', '/shared/open', '/shared/closed'])
      statuses.push((await get(guarded.port, target)).status);
    expect(statuses).toEqual([200, 401, 200, 401]);
  });

  it('HEAD is guarded like GET, and the policy is told', async () => {
    const token = await world.token();
    expect(await send(guarded.port, { method: 'HEAD', target: '/orders' })).toMatchObject({ status: 401 });
    const head = { method: 'HEAD', target: '/orders', headers: [bearer(token)] };
    const { answer, asked } = await following(() => send(guarded.port, head));
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(asked).toMatchObject([{ input: { method: 'HEAD', api: '/orders', route: '/orders' } }]);
  });

  it('OPTIONS reaches no handler and asks nobody, preflight or not', async () => {
    const preflight = [
      ['Origin', 'https://evil.test'],
      ['Access-Control-Request-Method', 'GET'],
    ] as const;
    for (const headers of [[], preflight]) {
      const request = { method: 'OPTIONS', target: '/orders', headers };
      const { answer, asked } = await following(() => send(guarded.port, request));
      expect(answer.body).not.toContain('handler');
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      expect(asked).toEqual([]);
    }
  });

  it.each(['/', '/order', '/orders/x', '/orders/of/acme', '/orders/of/acme/7/8'])(
    'unknown path %s is 404, with and without a token, and tells nothing else',
    async (target) => {
      const { answer, asked } = await following(async () => get(guarded.port, target, await world.token()));
      expect(answer.status).toBe(404);
      expect(asked).toEqual([]);
      expect((await get(guarded.port, target)).body).toBe(answer.body);
    },
  );

  it('the policy is told template, parameters and principal, the handler gets the same principal', async () => {
    const token = await world.token({ groups: ['ops'] });
    const { answer, asked } = await following(() => get(guarded.port, '/orders/of/caf%C3%A9/7?x=1', token));
    const params = { customer: 'café', id: '7' };
    const principal = {
      sub: '0oaTestClient',
      cid: '0oaTestClient',
      uid: null,
      scopes: ['read_sayhello'],
      claims: { groups: ['ops'] },
      validation: 'local',
    };
    expect(asked).toEqual([
      {
        decisionPath: settingsPath,
        input: {
          method: 'GET',
          api: '/orders/of/caf%C3%A9/7',
          jwt: { tokenValue: token },
          route: '/orders/of/:customer/:id',
          params,
          principal,
        },
      },
    ]);
    expect(json(answer)).toEqual({ handler: 'withParameters', params, principal });
  });

  it('a principal is asked for on a public route in vain: 500, and no principal of anybody else', async () => {
    const answer = await get(guarded.port, '/orders/nobody', await world.token());
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain('0oaTestClient');
  });

  it.each(['application/x-www-form-urlencoded', 'Application/X-WWW-Form-UrlEncoded; charset=utf-8'])(
    'a token in a form body is refused, also beside the header: %s',
    async (type) => {
      const headers = [['Content-Type', type] as const, bearer(await world.token())];
      const request = { method: 'POST', target: '/orders', headers, body: 'a=b&access_token=x' };
      const answer = await send(guarded.port, request);
      expect([answer.status, json(answer).code]).toEqual([400, 'invalid_request']);
    },
  );

  it('an access_token in JSON is the application’s own affair', async () => {
    const headers = [['Content-Type', 'application/json'] as const, bearer(await world.token())];
    const body = '{"access_token":"x"}';
    const answer = await send(guarded.port, { method: 'POST', target: '/orders', headers, body });
    expect([answer.status, json(answer)]).toEqual([201, { handler: 'create', body: { access_token: 'x' } }]);
  });
});
