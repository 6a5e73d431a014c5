import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { Browser, formOf, unescapeHtml } from './support/browser.js';
import { startTestIssuer } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';
import { addApp, authorizePath, credentials, person, returned } from './support/people.js';
import type { Changes } from './support/people.js';
import { describeOnEveryStore } from './support/stores.js';

const minuteMs = 60_000;
const wrong = { ...credentials, password: 'not the password' };

describeOnEveryStore('the sign-in page', ({ newDatabase }) => {
  let issuer: TestIssuer;
  let app: ClientWithSecret;
  let browser: Browser;
  /** What the issuer's clock is ahead. */
  let ahead = 0;

  beforeAll(async () => {
    const environment = { ISSUER_DATABASE_URL: await newDatabase(), ISSUER_TRUST_PROXY: '127.0.0.1' };
    issuer = await startTestIssuer(environment, () => Date.now() + ahead);
    await issuer.registries.users.add(person);
    app = await addApp(issuer, { name: 'Weather & <i>Sons</i>' });
  });
  afterAll(() => issuer.close());
  beforeEach(() => {
    browser = new Browser(issuer);
    // So that no test's failures count for another.
    ahead += 2 * minuteMs;
  });

  const open = (changes: Changes = {}) => browser.open(authorizePath(app, changes));

  /** The form stands for nothing: no code, nowhere to go. */
  function expectRefused({ status, headers, text }: Answer, why: string): void {
    expect([status, headers.get('location')]).toEqual([400, null]);
    expect(text).toContain(why);
    expect(text).not.toContain('<form');
  }
  const notStarted = 'The sign-in was not started in this browser.';

  it('has labelled fields, names the client and what it asks for, and needs no script', async () => {
    const { status, headers, text } = await open({ scope: 'openid email read_weather' });
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(text).toContain('<html lang="en">');
    expect(text).toContain('<strong>Weather &amp; &lt;i&gt;Sons&lt;/i&gt;</strong>');
    expect([...text.matchAll(/<li><code>(.*?)<\/code>/g)].map(([, scope]) => scope)).toEqual([
      'openid',
      'email',
      'read_weather',
    ]);
    expect(text).toMatch(/<label>Username <input name="username" autocomplete="username"[^>]*required/);
    expect(text).toMatch(/<label>Password <input name="password" type="password"[^>]*required/);
    expect(text).not.toMatch(/<script|<link|<img|\son\w+=|javascript:/);
  });

  it('may load nothing, be framed nowhere, be kept nowhere, and tells nobody where it was', async () => {
    const { headers, text } = await open();
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; form-action 'self' https:\/\/app\.example\.test; frame-ancestors 'none'; base-uri 'none'$/,
    );
    const style = /<style>([^]*)<\/style>/.exec(text)?.[1] ?? '';
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style));
    expect(policy).toContain(`'sha256-${Buffer.from(digest).toString('base64')}'`);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('fills in the hint of the client, and never a password', async () => {
    const page = await open({ login_hint: '"><script>alert(1)</script>' });
    expect(page.text).not.toContain('<script');
    expect(formOf(page.text).fields).toMatchObject({ username: '"><script>alert(1)</script>', password: '' });
  });

  it('tells the client nothing of what travels through the browser', async () => {
    const sealed = formOf((await open()).text).fields.request ?? '';
    expect(sealed.length).toBeGreaterThan(100);
    expect(Buffer.from(sealed.split('.')[1] ?? '', 'base64url').toString('latin1')).not.toMatch(
      /state|nonce|0oa/,
    );
  });

  describe('after a wrong password', () => {
    it('comes again, with the login and without the password, and then lets in who knows it', async () => {
      const again = await browser.submit(await open(), { ...wrong, username: 'ROACH@example.test' });
      expect([again.status, again.headers.get('location')]).toEqual([401, null]);
      expect(again.headers.get('cache-control')).toBe('no-store');
      expect(again.text).toContain('role="alert"');
      expect(again.text).not.toContain(wrong.password);
      expect(formOf(again.text).fields).toMatchObject({ username: 'ROACH@example.test', password: '' });
      const given = await browser.submit(again, { password: person.password });
      expect(returned(given)).toMatchObject({ state: 'the state', code: expect.any(String) as string });
    });

    it.each(['nobody@example.test', '', '"><b>', '\u202e', 'x'.repeat(30_000), "' or 1=1 --"])(
      'is the same for a login that nobody has: %.20s',
      async (username) => {
        const page = await open();
        const [known, unknown] = [
          await browser.submit(page, wrong),
          await browser.submit(page, { ...wrong, username }),
        ];
        expect(unknown.status).toBe(known.status);
        expect(unknown.text).not.toContain('<b>');
        const shown = (answer: Answer) => unescapeHtml(/role="alert">([^<]*)/.exec(answer.text)?.[1] ?? '');
        expect(shown(unknown)).toBe('Unable to sign in: the username or the password is wrong.');
        expect(shown(known)).toBe(shown(unknown));
      },
    );

    it('too many times, has nothing to fill in any more, for a while', async () => {
      const page = await open();
      for (let attempt = 0; attempt < 10; attempt++)
        expect((await browser.submit(page, wrong)).status).toBe(401);
      const refused = await browser.submit(page, credentials);
      expect([refused.status, refused.headers.get('location')]).toEqual([429, null]);
      expect(refused.headers.get('content-type')).toContain('text/html');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      ahead += minuteMs;
      expect((await browser.submit(page, credentials)).status).toBe(303);
    });
  });

  it('is good for ten minutes', async () => {
    const page = await open();
    ahead += 10 * minuteMs - 5000;
    expect((await browser.submit(page, credentials)).status).toBe(303);
    ahead += 5000;
    expectRefused(await browser.submit(page, credentials), 'The sign-in took too long.');
  });

  describe('is of no use', () => {
    it('in another browser, whatever cookie that has', async () => {
      const page = await open();
      const other = new Browser(issuer);
      expectRefused(await other.submit(page, credentials), notStarted);
      await other.open(authorizePath(app));
      expectRefused(await other.submit(page, credentials), notStarted);
      expect((await browser.submit(page, credentials)).status).toBe(303);
    });

    it('when a character of what travels was changed', async () => {
      const page = await open();
      const { request = '' } = formOf(page.text).fields;
      for (const at of [0, 5, 20, 60, request.length - 3]) {
        const changed = request.slice(0, at) + (request[at] === 'a' ? 'b' : 'a') + request.slice(at + 1);
        expectRefused(await browser.submit(page, { ...credentials, request: changed }), notStarted);
      }
    });

    it.each(['', 'x', '.', '....', 'A'.repeat(10_000)])('with %.10s for it', async (request) => {
      expectRefused(await browser.submit(await open(), { ...credentials, request }), notStarted);
    });

    it('at another authorization server', async () => {
      const page = await open();
      const { fields } = formOf(page.text);
      const there = await browser.post('/oauth2/v1/authorize/sign-in', { ...fields, ...credentials });
      expectRefused(there, notStarted);
    });

    it('at an issuer with another pepper', async () => {
      const page = await open();
      const other = await startTestIssuer({ ISSUER_PEPPER: Buffer.alloc(32, 7).toString('base64') });
      try {
        const visitor = new Browser(other);
        for (const [name, value] of browser.cookies) visitor.cookies.set(name, value);
        expectRefused(await visitor.submit(page, credentials), notStarted);
      } finally {
        await other.close();
      }
    });

    it.each<[string, (id: string) => Promise<unknown>]>([
      ['was disabled', (id) => issuer.registries.clients.setEnabled(id, false)],
      ['was removed', (id) => issuer.registries.clients.remove(id)],
      [
        'has another redirect URI',
        (id) => issuer.registries.clients.replace(id, { name: 'x', redirectUris: ['https://b.test/'] }),
      ],
    ])('for a client that %s meanwhile', async (_, change) => {
      const client = await addApp(issuer);
      const page = await browser.open(authorizePath(client));
      await change(client.client_id);
      expectRefused(await browser.submit(page, credentials), 'is not there any more');
    });
  });

  it('serves two pages of one browser side by side', async () => {
    const [first, second] = [await open({ state: 'one' }), await open({ state: 'two' })];
    expect(returned(await browser.submit(first, credentials)).state).toBe('one');
    expect(returned(await browser.submit(second, credentials)).state).toBe('two');
  });

  it('comes with a cookie that no script reads and no other site sends along, over https only where there is', async () => {
    const { headers } = await open();
    expect(headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^issuer-sign-in=[\w-]{43}; Path=\/oauth2\/default; Max-Age=3600; HttpOnly; SameSite=Lax$/,
      ),
    ]);
    const secure = await startTestIssuer({ ISSUER_BASE_URL: 'https://login.example.test/auth' });
    try {
      const path = authorizePath(await addApp(secure));
      const answer = await new Browser(secure).open(path);
      expect(answer.headers.getSetCookie()[0]).toMatch(
        /; Path=\/auth\/oauth2\/default; .*HttpOnly; SameSite=Lax; Secure$/,
      );
      expect(formOf(answer.text).action).toBe('/auth/oauth2/default/v1/authorize/sign-in');
    } finally {
      await secure.close();
    }
  });

  it('left neither password nor code in the log, at its most talkative', async () => {
    const { code = '' } = returned(await browser.submit(await open(), credentials));
    const log = issuer.log.join('');
    expect(log).toContain('the issuer is listening');
    for (const secret of [code, person.password, wrong.password]) expect(log).not.toContain(secret);
  });
});
