import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { KyselyPlugin, PluginTransformQueryArgs, PluginTransformResultArgs } from 'kysely';
import { AttemptLimiter } from '../../src/issuer/abuse/attempt-limiter.js';
import { ClientAssertions } from '../../src/issuer/clients/client-assertion.js';
import { ClientAuthentication } from '../../src/issuer/clients/client-authentication.js';
import { Clients } from '../../src/issuer/clients/clients.js';
import { readOAuthParameters } from '../../src/issuer/oauth-parameters.js';
import { Peppers } from '../../src/issuer/peppers.js';
import { openStore } from '../../src/issuer/store/open-store.js';
import type { Store } from '../../src/issuer/store/open-store.js';
import type { ClientAuthMethod } from '../../src/issuer/store/schema.js';
import { createLogger } from '../../src/operations/logging.js';
import { json as rawJson, send as sendRaw } from '../support/api-client.js';
import { frozenClock } from '../support/tokens.js';
import {
  asAssertion,
  assertionClaims,
  clientKey,
  fromElsewhere,
  signAssertion,
  testBase,
} from './support/assertions.js';
import { addClient, preparedDatabase } from './support/clients.js';
import type { AddedClient } from './support/clients.js';
import { basic, post, startTestIssuer, testPepper, tokenFor } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';
import { describeOnEveryStore } from './support/stores.js';

const key = clientKey('P-256');
const grant = { grant_type: 'client_credentials', scope: 'read_sayhello' };
const methods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const satisfies readonly ClientAuthMethod[];

interface Request {
  readonly form: Record<string, string>;
  readonly headers: Record<string, string>;
}

/** A request that authenticates by this method, whatever the client's own is. */
async function requestBy(method: ClientAuthMethod, client: AddedClient, endpoint: string): Promise<Request> {
  const { client_id, client_secret } = client;
  switch (method) {
    case 'client_secret_basic':
      return { form: {}, headers: basic(client) };
    case 'client_secret_post':
      return { form: { client_id, client_secret }, headers: {} };
    case 'private_key_jwt': {
      const claims = assertionClaims(client_id, { aud: `${testBase}/oauth2/default/v1/${endpoint}` });
      return {
        form: asAssertion(await signAssertion(key.privateKey, claims, { alg: 'ES256' })),
        headers: {},
      };
    }
    case 'none':
      return { form: { client_id }, headers: {} };
  }
}

const accepted: Readonly<Record<ClientAuthMethod, readonly ClientAuthMethod[]>> = {
  client_secret_basic: ['client_secret_basic', 'client_secret_post'],
  client_secret_post: ['client_secret_basic', 'client_secret_post'],
  private_key_jwt: ['private_key_jwt'],
  none: ['none'],
};
const rows = methods.flatMap((own) =>
  methods.map((used) => ({ own, used, outcome: accepted[own].includes(used) ? 'passes' : 'is refused' })),
);

describeOnEveryStore('client authentication', (store) => {
  const clients = new Map<ClientAuthMethod, AddedClient>();
  let issuer: TestIssuer;
  let database: { readonly url: string; readonly remove: () => void };

  beforeAll(async () => {
    database = await preparedDatabase(store, async (opened) => {
      for (const authMethod of methods)
        clients.set(authMethod, await addClient(opened, { authMethod, jwks: { keys: [key.jwk] } }));
    });
    issuer = await startTestIssuer({ ISSUER_DATABASE_URL: database.url, ISSUER_TRUST_PROXY: '127.0.0.1' });
  });
  afterAll(async () => {
    await issuer.close();
    database.remove();
  });

  const clientOf = (method: ClientAuthMethod): AddedClient => {
    const client = clients.get(method);
    if (client === undefined) throw new Error(`no client for ${method}`);
    return client;
  };
  const send = async (path: string, form: Record<string, string>, { form: more, headers }: Request) =>
    post(issuer, path, { ...form, ...more }, { headers: { ...headers, ...fromElsewhere() } });

  it.each(rows)('of a client whose method is $own, by $used, $outcome', async ({ own, used, outcome }) => {
    for (const path of ['introspect', 'revoke']) {
      const { status, json } = await send(path, { token: 'x' }, await requestBy(used, clientOf(own), path));
      const error = outcome === 'passes' ? undefined : 'invalid_client';
      expect([path, status, json.error]).toEqual([path, error === undefined ? 200 : 401, error]);
    }
  });

  it('lets a client without authentication get no token of its own', async () => {
    const { status, json } = await send('token', grant, await requestBy('none', clientOf('none'), 'token'));
    expect([status, json.error]).toEqual([400, 'unauthorized_client']);
  });

  it('shows such a client nothing of a token that is not its own', async () => {
    const token = await tokenFor(issuer, clientOf('client_secret_basic'), 'read_sayhello');
    const ask = async (method: ClientAuthMethod) =>
      (await send('introspect', { token }, await requestBy(method, clientOf(method), 'introspect'))).json;
    expect((await ask('client_secret_post')).active).toBe(true);
    expect(await ask('none')).toEqual({ active: false });
  });

  it.each<[string, (client: AddedClient) => Request]>([
    [
      'Basic and a secret in the body',
      (client) => ({ form: { client_secret: 'x' }, headers: basic(client) }),
    ],
    ['Basic and an assertion', (client) => ({ form: asAssertion('a.b.c'), headers: basic(client) })],
    [
      'a secret and an assertion',
      (client) => ({ form: { ...client, ...asAssertion('a.b.c') }, headers: {} }),
    ],
  ])('refuses %s together: 401 invalid_request', async (_, request) => {
    const { status, json } = await send('token', grant, request(clientOf('client_secret_basic')));
    expect([status, json.error]).toEqual([401, 'invalid_request']);
  });

  it('takes a Basic header in form encoding, as RFC 6749 has it', async () => {
    const { client_id, client_secret } = clientOf('client_secret_basic');
    const escaped = Buffer.from(client_secret).toString('hex').replaceAll(/../g, '%$&');
    const authorization = `basic ${btoa(`${client_id}:${escaped}`)}`;
    const { status } = await send('token', grant, { form: {}, headers: { authorization } });
    expect(status).toBe(200);
  });

  it.each([
    ['an escaped NUL in the id', btoa('a%00b:secret')],
    ['a NUL in the id', btoa('a\0b:secret')],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0xff, 0x3a, 0x62]).toString('base64')],
    ['no id', btoa(':secret')],
    ['no colon', btoa('secret')],
    ['nothing', ''],
    ['something behind the credentials', `${btoa('a:b')}, Bearer x`],
  ])('refuses a Basic header with %s: 401 invalid_client', async (_, credentials) => {
    const headers = { authorization: `Basic ${credentials}` };
    const { status, json, headers: answered } = await send('token', grant, { form: {}, headers });
    expect([status, json.error]).toEqual([401, 'invalid_client']);
    expect(json.error_description).toContain('is required');
    expect(answered.get('www-authenticate')).toBe('Basic realm="issuer", error="invalid_client"');
  });

  it('refuses two Authorization headers, where Node keeps the first in silence', async () => {
    const authorization = ['Authorization', basic(clientOf('client_secret_basic')).authorization] as const;
    const answer = await sendRaw(issuer.port, {
      method: 'POST',
      target: '/oauth2/default/v1/token',
      headers: [['Content-Type', 'application/x-www-form-urlencoded'], authorization, authorization],
      body: new URLSearchParams(grant).toString(),
    });
    expect([answer.status, rawJson(answer).error]).toEqual([401, 'invalid_request']);
  });
});

/** Counts the statements that it lets pass. */
class CountingPlugin implements KyselyPlugin {
  count = 0;

  transformQuery({ node }: PluginTransformQueryArgs) {
    this.count++;
    return node;
  }

  transformResult({ result }: PluginTransformResultArgs) {
    return Promise.resolve(result);
  }
}

describeOnEveryStore('the work of a refusal', (store) => {
  it('is one read, whoever it is, and none after too many of them', async () => {
    const opened = await openStore(await store.newDatabase());
    onTestFinished(() => opened.close());
    const counting = new CountingPlugin();
    const { isExclusive, generation } = opened;
    const counted: Store = {
      db: opened.db.withPlugin(counting),
      isExclusive,
      generation,
      change: (work) => opened.change(work),
      close: () => opened.close(),
    };
    const clock = frozenClock().now;
    const authentication = new ClientAuthentication({
      clients: new Clients(counted, clock),
      assertions: new ClientAssertions(counted),
      limiter: new AttemptLimiter(clock),
      peppers: new Peppers([testPepper]),
      baseUrl: testBase,
      clock,
      logger: createLogger({ level: 'silent' }),
      allowSecretInQuery: false,
    });
    const present = async ({ client_id }: AddedClient, client_secret: string): Promise<number> => {
      const before = counting.count;
      const body = Buffer.from(new URLSearchParams({ client_id, client_secret }).toString());
      const contentType = 'application/x-www-form-urlencoded';
      const parameters = readOAuthParameters({ body, contentType, target: '' });
      const request = { parameters, authorization: [], path: '/oauth2/default/v1/token', source: '::1' };
      await authentication.authenticate(request).catch((error: unknown) => error);
      return counting.count - before;
    };
    const known = await addClient(opened);
    const reads = {
      unknown: await present({ client_id: '0oaNobody', client_secret: '' }, 'wrong'),
      known: await present(known, 'wrong'),
      right: await present(known, known.client_secret),
      remembered: await present(known, 'wrong'),
      disabled: await present(await addClient(opened, { isDisabled: true }), 'wrong'),
      'of another method': await present(await addClient(opened, { authMethod: 'none' }), 'wrong'),
      'after too many': 0,
    };
    for (let guess = 0; guess < 8; guess++) await present(known, 'wrong');
    reads['after too many'] = await present(known, 'wrong');
    expect(reads).toEqual({
      unknown: 1,
      known: 1,
      right: isExclusive ? 0 : 1,
      remembered: 1,
      disabled: 1,
      'of another method': 1,
      'after too many': 0,
    });
  });
});
