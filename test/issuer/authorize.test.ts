import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { Browser, formOf } from './support/browser.js';
import { startTestIssuer } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';
import {
  addApp,
  authorizeParameters,
  authorizePath,
  credentials,
  person,
  redirectUri,
  returned,
} from './support/people.js';
import type { Changes } from './support/people.js';
import { describeOnEveryStore } from './support/stores.js';

const iss = 'http://127.0.0.1:8087/oauth2/default';

describeOnEveryStore('the authorization endpoint', ({ newDatabase }) => {
  let issuer: TestIssuer;
  let app: ClientWithSecret;
  let publicApp: ClientWithSecret;

  beforeAll(async () => {
    issuer = await startTestIssuer({ ISSUER_DATABASE_URL: await newDatabase() });
    await issuer.registries.users.add(person);
    app = await addApp(issuer);
    publicApp = await addApp(issuer, { authMethod: 'none' });
    // Makes its scope known to the server.
    await issuer.registries.clients.add({ name: 'writer', scopes: ['write_weather'] });
  });
  afterAll(() => issuer.close());

  const ask = (changes: Changes = {}, client: Pick<ClientWithSecret, 'client_id'> = app) =>
    new Browser(issuer).open(authorizePath(client, changes));

  it('sends a code to the redirect URI, which stays as it was registered, with state and iss', async () => {
    const browser = new Browser(issuer);
    const page = await browser.open(authorizePath(app));
    const { status, headers, text } = await browser.submit(page, credentials);
    expect([status, text]).toEqual([303, '']);
    const [target, parameters] = [headers.get('location') ?? '', returned({ headers })];
    expect(target.startsWith(`${redirectUri}&code=`)).toBe(true);
    expect(parameters).toEqual({
      kept: '+1',
      code: expect.stringMatching(/^[\w-]{43}$/) as string,
      state: 'the state',
      iss,
    });
    expect([headers.get('cache-control'), headers.get('referrer-policy')]).toEqual([
      'no-store',
      'no-referrer',
    ]);
  });

  it('takes its parameters from a form as well', async () => {
    const browser = new Browser(issuer);
    const page = await browser.post('/oauth2/default/v1/authorize', authorizeParameters(app));
    expect(returned(await browser.submit(page, credentials))).toMatchObject({ state: 'the state', iss });
  });

  it('says nothing of a state that the client did not send', async () => {
    const browser = new Browser(issuer);
    const page = await browser.open(authorizePath(app, { state: undefined }));
    expect(Object.keys(returned(await browser.submit(page, credentials))).toSorted()).toEqual([
      'code',
      'iss',
      'kept',
    ]);
  });

  it('hands code and errors over by a form without script where form_post is asked', async () => {
    const browser = new Browser(issuer);
    const page = await browser.open(authorizePath(app, { response_mode: 'form_post', state: '"><b>' }));
    const given = await browser.submit(page, credentials);
    expect([given.status, given.headers.get('location')]).toEqual([200, null]);
    expect(given.headers.get('content-security-policy')).toContain('form-action https://app.example.test;');
    expect(given.text).not.toContain('<b>');
    expect(formOf(given.text)).toEqual({
      action: redirectUri,
      fields: { code: expect.stringMatching(/^[\w-]{43}$/) as string, state: '"><b>', iss },
    });
    const refused = await ask({ response_mode: 'form_post', scope: 'nonsense' });
    expect(formOf(refused.text).fields).toMatchObject({ error: 'invalid_scope', state: 'the state', iss });
  });

  it.each<[string, Changes, string]>([
    ['an implicit flow', { response_type: 'token' }, 'unsupported_response_type'],
    ['a hybrid flow', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['no response type', { response_type: undefined }, 'invalid_request'],
    ['an answer in the fragment', { response_mode: 'fragment' }, 'invalid_request'],
    ['a scope that is not known', { scope: 'openid nonsense' }, 'invalid_scope'],
    ['no scope, where there is no default', { scope: undefined }, 'invalid_scope'],
    ['a scope that is not the client’s', { scope: 'write_weather' }, 'access_denied'],
    ['nobody being asked', { prompt: 'none' }, 'login_required'],
    ['PKCE by the method plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['PKCE by no method, which means plain', { code_challenge_method: undefined }, 'invalid_request'],
    ['a method without a challenge', { code_challenge: undefined }, 'invalid_request'],
    ['a challenge that is no SHA-256', { code_challenge: 'short' }, 'invalid_request'],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    ['a request object elsewhere', { request_uri: 'https://a.test/r' }, 'request_uri_not_supported'],
    ['a nonce of 3 KB', { nonce: 'n'.repeat(3000) }, 'invalid_request'],
  ])('refuses %s, and tells the client', async (_, changes, error) => {
    const { status, headers } = await ask(changes);
    expect(status).toBe(303);
    expect(headers.get('location')).toMatch(/^https:\/\/app\.example\.test\/callback\?kept=%2B1&error=/);
    const { error_description: description, ...rest } = returned({ headers });
    expect(rest).toEqual({ kept: '+1', error, state: 'the state', iss });
    expect(description).toMatch(/^The |^One |^PKCE /);
  });

  it('wants PKCE of clients that do not authenticate', async () => {
    const without = { code_challenge: undefined, code_challenge_method: undefined };
    expect(returned(await ask(without, publicApp)).error).toBe('invalid_request');
    expect((await ask({}, publicApp)).status).toBe(200);
    expect((await ask(without, app)).status).toBe(200);
  });

  it('refuses a client that may not use the grant, and one without access to the server', async () => {
    const grants: ['password'] = ['password'];
    const other = await issuer.registries.clients.add({ name: 'o', grants, redirectUris: [redirectUri] });
    expect(returned(await ask({}, other)).error).toBe('unauthorized_client');
    const elsewhere = await addApp(issuer, { access: {} });
    expect(returned(await ask({ scope: 'openid' }, elsewhere)).error).toBe('access_denied');
  });

  describe('never sends anybody to a place that is not registered:', () => {
    const host = 'app.example.test';
    it.each<[string, string | undefined]>([
      ['none', undefined],
      ['a longer path', 'https://app.example.test/callback/more?kept=%2B1'],
      ['more of a query', `${redirectUri}&next=https://evil.test`],
      ['less of it', 'https://app.example.test/callback'],
      ['a longer host', `https://${host}.evil.test/callback?kept=%2B1`],
      ['the host as a user', `https://${host}@evil.test/callback?kept=%2B1`],
      ['a user at the host', `https://user@${host}/callback?kept=%2B1`],
      ['another port', `https://${host}:8443/callback?kept=%2B1`],
      ['the usual port', `https://${host}:443/callback?kept=%2B1`],
      ['another scheme', `http://${host}/callback?kept=%2B1`],
      ['no scheme', `//${host}/callback?kept=%2B1`],
      ['another case', `https://APP.example.test/callback?kept=%2B1`],
      ['another spelling of the query', 'https://app.example.test/callback?kept=%2b1'],
      ['another spelling of the path', 'https://app.example.test/%63allback?kept=%2B1'],
      ['dot segments', 'https://app.example.test/x/../callback?kept=%2B1'],
      ['a slash that is none', 'https://app.example.test\\callback?kept=%2B1'],
      ['a fragment', `${redirectUri}#`],
      ['a space before it', ` ${redirectUri}`],
      ['a line end after it', `${redirectUri}\r\nX: y`],
      ['a script', 'javascript:alert(1)'],
      ['data', 'data:text/html,<script>alert(1)</script>'],
    ])('%s', async (_, uri) => {
      for (const changes of [{}, { prompt: 'none' }, { response_mode: 'form_post', scope: 'nonsense' }]) {
        const { status, headers, text } = await ask({ ...changes, redirect_uri: uri });
        expect([status, headers.get('location')]).toEqual([400, null]);
        expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
        expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*form-action 'none'/);
        expect(text).not.toMatch(/evil|alert|<form|<a /);
      }
    });

    it.each<[string, () => Promise<string> | string]>([
      ['a client that there is not', () => '0oaNobody'],
      ['a client with markup for an id', () => '<script>alert(1)</script>'],
      ['a client that every object has', () => '__proto__'],
      ['a client that is disabled', () => disabledApp()],
      ['a client with other URIs', () => appAt('https://other.example.test/')],
    ])('%s', async (_, id) => {
      const { status, headers, text } = await ask({}, { client_id: await id() });
      expect([status, headers.get('location')]).toEqual([400, null]);
      expect(text).not.toContain('alert');
    });

    async function disabledApp(): Promise<string> {
      const { client_id } = await addApp(issuer);
      await issuer.registries.clients.setEnabled(client_id, false);
      return client_id;
    }
    const appAt = async (uri: string) => (await addApp(issuer, { redirectUris: [uri] })).client_id;

    it('a parameter given twice', async () => {
      const { status, headers, json } = await new Browser(issuer).open(
        `${authorizePath(app)}&redirect_uri=https%3A%2F%2Fevil.test`,
      );
      expect([status, headers.get('location'), json.error]).toEqual([400, null, 'invalid_request']);
    });
  });

  it.each([
    ['http://127.0.0.1:8765/cb', "form-action 'self' http://127.0.0.1:8765;"],
    ['http://[::1]:8765/cb', "form-action 'self' http:;"],
    ['https://a;script-src.test/cb', "form-action 'self' https:;"],
    ['com.example.app:/cb', "form-action 'self' com.example.app:;"],
  ])('lets the page send its form on to %s, and nowhere else', async (uri, policy) => {
    const client = await addApp(issuer, { redirectUris: [uri] });
    const browser = new Browser(issuer);
    const page = await browser.open(authorizePath(client, { redirect_uri: uri }));
    expect(page.headers.get('content-security-policy')).toContain(policy);
    const { headers } = await browser.submit(page, credentials);
    expect(headers.get('location')?.startsWith(`${uri}?code=`)).toBe(true);
  });
});
