import { hash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { basic, post, send, startTestIssuer } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';
import { addApp, codeVerifier, exchange, person, redirectUri, signIn } from './support/people.js';
import type { Changes } from './support/people.js';
import { withStore } from './support/servers.js';
import { describeOnEveryStore } from './support/stores.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const withoutPkce: Changes = { code_challenge: undefined, code_challenge_method: undefined };
const offline = { scope: 'openid offline_access read_weather' };

describeOnEveryStore('the authorization code grant', ({ newDatabase }) => {
  const folder = temporaryFolder();
  let databaseUrl: string;
  let issuer: TestIssuer;
  /** Another process on the same database, where the store allows it. */
  let second: TestIssuer;
  let app: ClientWithSecret;
  let publicApp: ClientWithSecret;
  let userId: string;
  /** What the issuers' clocks are ahead. */
  let ahead = 0;

  beforeAll(async () => {
    databaseUrl = (await newDatabase()).replace('pglite:memory', `pglite:${folder.path}`);
    const start = () => startTestIssuer({ ISSUER_DATABASE_URL: databaseUrl }, () => Date.now() + ahead);
    issuer = await start();
    second = databaseUrl.startsWith('pglite:') ? issuer : await start();
    userId = (await issuer.registries.users.add(person)).id;
    app = await addApp(issuer);
    publicApp = await addApp(issuer, { authMethod: 'none', refreshRotation: 'ROTATE' });
  });
  afterAll(async () => {
    await issuer.close();
    if (second !== issuer) await second.close();
    folder.remove();
  });

  const isActive = async (token: unknown) =>
    (await post(second, 'introspect', { token: String(token) }, { headers: basic(app) })).json.active;
  const refresh = (token: unknown) =>
    post(
      second,
      'token',
      { grant_type: 'refresh_token', refresh_token: String(token) },
      { headers: basic(app) },
    );

  function expectInvalid({ status, json }: Answer): void {
    expect([status, json]).toEqual([
      400,
      { error: 'invalid_grant', error_description: 'The authorization code is invalid or has expired.' },
    ]);
  }

  it('gives tokens of the person who signed in', async () => {
    const { status, json, headers } = await exchange(issuer, app, await signIn(issuer, app));
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-cache, no-store']);
    expect(Object.keys(json).toSorted()).toEqual([
      'access_token',
      'expires_in',
      'id_token',
      'scope',
      'token_type',
    ]);
    expect(json).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'openid read_weather' });
    const access = decodeJwt(String(json.access_token));
    expect(access).toMatchObject({ sub: person.login, uid: userId, cid: app.client_id });
    const id = decodeJwt(String(json.id_token));
    expect(id).toMatchObject({ sub: userId, aud: app.client_id, nonce: 'the nonce', amr: ['pwd'] });
    expect(id.auth_time).toBe(access.auth_time);
    expect(Math.abs(Number(id.auth_time) - Number(id.iat))).toBeLessThan(60);
    expect(await isActive(json.access_token)).toBe(true);
  });

  it('gives a refresh token with offline_access, to a client without a secret as well', async () => {
    const code = await signIn(issuer, publicApp, offline);
    const { json } = await exchange(issuer, publicApp, code);
    const form = { grant_type: 'refresh_token', refresh_token: String(json.refresh_token) };
    const next = await post(issuer, 'token', { ...form, client_id: publicApp.client_id });
    expect([next.status, next.json.scope]).toEqual([200, offline.scope]);
  });

  it('works without PKCE for a client that authenticates', async () => {
    const code = await signIn(issuer, app, withoutPkce);
    expect((await exchange(second, app, code, { code_verifier: undefined })).status).toBe(200);
  });

  describe('a second use', () => {
    it('is refused, and revokes what the first one gave', async () => {
      const code = await signIn(issuer, app, offline);
      const { json } = await exchange(issuer, app, code);
      const { json: refreshed } = await refresh(json.refresh_token);
      expect([await isActive(json.access_token), await isActive(refreshed.access_token)]).toEqual([
        true,
        true,
      ]);
      expectInvalid(await exchange(second, app, code));
      for (const token of [json.access_token, json.refresh_token, refreshed.access_token])
        expect(await isActive(token)).toBe(false);
      expect((await refresh(json.refresh_token)).json.error).toBe('invalid_grant');
      expectInvalid(await exchange(issuer, app, code));
      expect(issuer.log.concat(second.log).join('')).toContain('an authorization code was used again');
    });

    it('revokes an access token that came without a refresh token, and no other token', async () => {
      const [code, other] = [await signIn(issuer, app), await signIn(issuer, app)];
      const [{ json }, { json: kept }] = [
        await exchange(issuer, app, code),
        await exchange(issuer, app, other),
      ];
      expectInvalid(await exchange(second, app, code));
      expect([await isActive(json.access_token), await isActive(kept.access_token)]).toEqual([false, true]);
    });

    it.each([[{ scope: 'openid' }], [offline]])(
      'at the same time, ten of them in two processes, leaves one winner, whose tokens are revoked: %o',
      async (changes) => {
        const code = await signIn(issuer, app, changes);
        const answers = await Promise.all(
          Array.from({ length: 10 }, (_, index) => exchange(index % 2 === 0 ? issuer : second, app, code)),
        );
        const won = answers.filter(({ status }) => status === 200);
        expect(won).toHaveLength(1);
        answers.filter(({ status }) => status !== 200).forEach(expectInvalid);
        expect(await isActive(won[0]?.json.access_token)).toBe(false);
      },
    );
  });

  it('waits for a minute and no longer', async () => {
    const [code, late] = [await signIn(issuer, app), await signIn(issuer, app)];
    ahead += 55_000;
    expect((await exchange(issuer, app, code)).status).toBe(200);
    ahead += 5000;
    expectInvalid(await exchange(issuer, app, late));
  });

  describe('is for the client that asked, and for nobody else:', () => {
    it('another client gets nothing, and takes nothing away', async () => {
      const code = await signIn(issuer, app);
      const other = await addApp(issuer);
      expectInvalid(await exchange(issuer, other, code));
      expectInvalid(await exchange(issuer, publicApp, code));
      const { status, json } = await exchange(issuer, app, code);
      expect(status).toBe(200);
      expectInvalid(await exchange(issuer, other, code));
      expect(await isActive(json.access_token)).toBe(true);
    });

    it.each<[string, Changes]>([
      ['without the redirect URI', { redirect_uri: undefined }],
      ['with another redirect URI', { redirect_uri: 'https://app.example.test/callback' }],
      ['with another spelling of it', { redirect_uri: redirectUri.replace('B', 'b') }],
      ['without the verifier', { code_verifier: undefined }],
      ['with another verifier', { code_verifier: `${codeVerifier}x` }],
      ['with the challenge for a verifier', { code_verifier: hash('sha256', codeVerifier, 'base64url') }],
    ])('%s there is nothing, and the code is used up', async (_, changes) => {
      const code = await signIn(issuer, app);
      expectInvalid(await exchange(issuer, app, code, changes));
      expectInvalid(await exchange(issuer, app, code));
    });

    it.each([
      ['too short', 'v'.repeat(42)],
      ['too long', 'v'.repeat(129)],
      ['of other characters', `${'v'.repeat(43)}+`],
    ])('a verifier that is %s is none, though its hash be right', async (_, verifier) => {
      const code = await signIn(issuer, app, { code_challenge: hash('sha256', verifier, 'base64url') });
      expectInvalid(await exchange(issuer, app, code, { code_verifier: verifier }));
    });

    it.each(['v'.repeat(43), 'v'.repeat(128)])(
      'a verifier of the right length is good: %s',
      async (verifier) => {
        const code = await signIn(issuer, app, { code_challenge: hash('sha256', verifier, 'base64url') });
        expect((await exchange(issuer, app, code, { code_verifier: verifier })).status).toBe(200);
      },
    );

    it('a verifier where there was no challenge is a request that was tampered with', async () => {
      expectInvalid(await exchange(issuer, app, await signIn(issuer, app, withoutPkce)));
    });

    it('another authorization server gives nothing', async () => {
      const code = await signIn(issuer, app);
      const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri };
      const body = new URLSearchParams({ ...form, code_verifier: codeVerifier });
      const there = await send(`${issuer.origin}/oauth2/v1/token`, {
        method: 'POST',
        headers: basic(app),
        body,
      });
      expectInvalid(there);
    });
  });

  it.each(['x', 'A'.repeat(43), 'A'.repeat(30_000), "' or 1=1 --", '\u00e9'])(
    'is nothing with %.20s',
    async (code) => {
      expectInvalid(await exchange(issuer, app, code));
    },
  );

  it('needs a code', async () => {
    const { status, json } = await exchange(issuer, app, '');
    expect([status, json.error]).toEqual([400, 'invalid_request']);
  });

  it('gives nothing for a person who was removed meanwhile, or a client that was disabled', async () => {
    const leaver = { ...person, login: 'leaver@example.test' };
    await issuer.registries.users.add(leaver);
    const [code, other] = [
      await signIn(issuer, app, {}, { username: leaver.login, password: leaver.password }),
      await signIn(issuer, publicApp),
    ];
    await issuer.registries.users.remove(leaver.login);
    expectInvalid(await exchange(second, app, code));
    await issuer.registries.clients.setEnabled(publicApp.client_id, false);
    expect((await exchange(second, publicApp, other)).status).toBe(401);
  });

  it('keeps a hash of the code and no more: neither database nor log could give it away', async () => {
    const code = await signIn(issuer, app);
    const log = issuer.log.concat(second.log).join('');
    expect(log).not.toContain(code);
    expect(log).not.toContain(codeVerifier);
    await issuer.close();
    await withStore(databaseUrl, async ({ db }) => {
      const rows = await db.selectFrom('authorization_codes').selectAll().execute();
      const digests = rows.map(({ digest }) => Buffer.from(digest).toString('hex'));
      expect(digests).toContain(hash('sha256', code, 'hex'));
      expect(JSON.stringify(rows)).not.toContain(code);
    });
  });
});
