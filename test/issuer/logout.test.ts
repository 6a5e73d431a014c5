import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { makeKey, mint, tamper } from '../support/tokens.js';
import { Browser } from './support/browser.js';
import { startTestIssuer } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';
import { addApp, person, redirectUri, tokensOf } from './support/people.js';
import { describeOnEveryStore } from './support/stores.js';

const goodbye = 'https://app.example.test/goodbye?kept=%2B1';
const path = '/oauth2/default/v1/logout';

describeOnEveryStore('logout', ({ newDatabase }) => {
  let issuer: TestIssuer;
  let app: ClientWithSecret;
  let idToken: string;
  /** What the issuer's clock is ahead. */
  let ahead = 0;

  beforeAll(async () => {
    const environment = { ISSUER_DATABASE_URL: await newDatabase() };
    issuer = await startTestIssuer(environment, () => Date.now() + ahead);
    await issuer.registries.users.add(person);
    app = await addApp(issuer, { postLogoutRedirectUris: [goodbye] });
    idToken = String((await tokensOf(issuer, app, 'openid')).id_token);
  });
  afterAll(() => issuer.close());

  const logout = (parameters: Readonly<Record<string, string>>, at = path) =>
    new Browser(issuer).open(`${at}?${new URLSearchParams(parameters).toString()}`);

  function expectPage({ status, headers, text }: Answer, expected: number): void {
    expect([status, headers.get('location')]).toEqual([expected, null]);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; .*form-action 'none'/);
    expect(text).not.toMatch(/<script|<a |evil/);
  }

  it('sends the person to where the client wants, with the state', async () => {
    const parameters = { id_token_hint: idToken, post_logout_redirect_uri: goodbye, state: 'a b&c=d' };
    for (const answer of [
      await logout(parameters),
      await new Browser(issuer).post(path, parameters),
      await logout({ ...parameters, client_id: app.client_id }),
    ]) {
      expect([answer.status, answer.headers.get('location')]).toEqual([302, `${goodbye}&state=a+b%26c%3Dd`]);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
  });

  it('adds nothing to the place where there is no state', async () => {
    const { headers } = await logout({ id_token_hint: idToken, post_logout_redirect_uri: goodbye });
    expect(headers.get('location')).toBe(goodbye);
  });

  it('takes an ID token whose time is over: people are slow', async () => {
    ahead += 30 * 86_400_000;
    const { status } = await logout({ id_token_hint: idToken, post_logout_redirect_uri: goodbye });
    expect(status).toBe(302);
  });

  it('says so on a page where the client wants nothing more', async () => {
    expectPage(await logout({ id_token_hint: idToken }), 200);
  });

  describe('refuses', () => {
    it.each<[string, string]>([
      ['the redirect URI of a sign-in', redirectUri],
      ['a longer path', 'https://app.example.test/goodbye/more?kept=%2B1'],
      ['a longer query', `${goodbye}&a=b`],
      ['a longer host', 'https://app.example.test.evil.test/goodbye?kept=%2B1'],
      ['the host as a user', 'https://app.example.test@evil.test/goodbye?kept=%2B1'],
      ['another port', 'https://app.example.test:8443/goodbye?kept=%2B1'],
      ['another scheme', 'http://app.example.test/goodbye?kept=%2B1'],
      ['another spelling', 'https://app.example.test/goodbye?kept=%2b1'],
      ['a fragment', `${goodbye}#evil`],
      ['a script', 'javascript:alert("evil")'],
      ['what is no URI', '//evil.test'],
    ])('to send anybody to %s', async (_, uri) => {
      expectPage(await logout({ id_token_hint: idToken, post_logout_redirect_uri: uri, state: 'x' }), 400);
    });

    it.each<[string, () => Promise<string> | string]>([
      ['no ID token', () => ''],
      ['nonsense', () => '"><script>evil</script>'],
      ['a changed ID token', () => tamper(idToken)],
      ['somebody else’s', () => mint(makeKey('foreign'))],
      ['an access token', async () => String((await tokensOf(issuer, app, 'openid')).access_token)],
      ['one of a client without that place', async () => tokenOf(await addApp(issuer))],
      ['one of a client that was disabled', () => tokenOfDisabled()],
    ])('with %s for a hint', async (_, hint) => {
      expectPage(await logout({ id_token_hint: await hint(), post_logout_redirect_uri: goodbye }), 400);
    });

    it('an ID token that another client got', async () => {
      const other = await addApp(issuer, { postLogoutRedirectUris: [goodbye] });
      const parameters = { id_token_hint: idToken, post_logout_redirect_uri: goodbye };
      expectPage(await logout({ ...parameters, client_id: other.client_id }), 400);
    });

    it('an ID token of another authorization server', async () => {
      const parameters = { id_token_hint: idToken, post_logout_redirect_uri: goodbye };
      expectPage(await logout(parameters, '/oauth2/v1/logout'), 400);
    });

    const tokenOf = async (client: ClientWithSecret) =>
      String((await tokensOf(issuer, client, 'openid')).id_token);

    async function tokenOfDisabled(): Promise<string> {
      const client = await addApp(issuer, { postLogoutRedirectUris: [goodbye] });
      const token = await tokenOf(client);
      await issuer.registries.clients.setEnabled(client.client_id, false);
      return token;
    }
  });
});
