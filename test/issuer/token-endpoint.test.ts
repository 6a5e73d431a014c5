import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import type { JSONWebKeySet } from 'jose';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { basic, post, send, startTestIssuer } from './support/issuer.js';
import type { Form, Posting, TestIssuer } from './support/issuer.js';

let issuer: TestIssuer;
let client: ClientWithSecret;
let other: ClientWithSecret;

beforeAll(async () => {
  issuer = await startTestIssuer();
  client = await issuer.registry.add({ name: 'greeter', scopes: ['read_sayhello', 'read_weather'] });
  other = await issuer.registry.add({ name: 'other', scopes: ['read_saysecret'] });
});

afterAll(() => issuer.close());

const grant = { grant_type: 'client_credentials', scope: 'read_sayhello' };

describe('a token of the client credentials grant', () => {
  it('is what Okta issues, down to header and claim names', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { json } = await post(issuer, 'token', grant, { headers: basic(client) });
    const keys = await send(`${issuer.origin}/oauth2/default/v1/keys`);
    const keySet = createLocalJWKSet(keys.json as unknown as JSONWebKeySet);
    const { payload } = await jwtVerify(String(json.access_token), keySet);
    expect(Object.keys(decodeProtectedHeader(String(json.access_token)))).toEqual(['kid', 'alg']);
    const { jti, iat = 0, exp, ...claims } = payload;
    expect(jti).toMatch(/^AT\.[A-Za-z0-9_-]{43}$/);
    expect(iat).toBeGreaterThanOrEqual(before);
    expect(exp).toBe(iat + 3600);
    expect(claims).toEqual({
      ver: 1,
      iss: 'http://127.0.0.1:8087/oauth2/default',
      aud: 'api://default',
      cid: client.client_id,
      scp: ['read_sayhello'],
      sub: client.client_id,
    });
  });

  it('comes in a response that nobody stores', async () => {
    const { status, headers, json } = await post(issuer, 'token', grant, { headers: basic(client) });
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-cache, no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(headers.get('content-type')).toBe('application/json;charset=UTF-8');
    expect(headers.get('x-okta-request-id')).not.toBeNull();
    expect(json).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'read_sayhello' });
  });

  it('has every scope that was asked for, once', async () => {
    const scope = 'read_weather  read_sayhello read_weather';
    const { json } = await post(issuer, 'token', { ...grant, scope }, { headers: basic(client) });
    expect(json.scope).toBe('read_weather read_sayhello');
  });

  it('has another jti each time', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 20 }, () => post(issuer, 'token', grant, { headers: basic(client) })),
    );
    expect(new Set(tokens.map(({ json }) => json.access_token)).size).toBe(20);
  });
});

interface Row {
  readonly title: string;
  readonly form: () => Form;
  readonly posting?: () => Posting;
  readonly status: number;
  readonly error: string;
}

const byBasic = (): Posting => ({ headers: basic(client) });
const byPost = () => ({ client_id: client.client_id, client_secret: client.client_secret });
const encoded = () => new URLSearchParams({ ...grant, ...byPost() }).toString();
const header = (authorization: string) => (): Posting => ({ headers: { authorization } });

const refusals: readonly Row[] = [
  { title: 'no credentials', form: () => grant, status: 401, error: 'invalid_client' },
  {
    title: 'a wrong secret',
    form: () => ({ ...grant, client_id: client.client_id, client_secret: other.client_secret }),
    status: 401,
    error: 'invalid_client',
  },
  {
    title: 'an unknown client',
    form: () => ({ ...grant, client_id: '0oaNobody', client_secret: client.client_secret }),
    status: 401,
    error: 'invalid_client',
  },
  {
    title: 'an empty secret',
    form: () => ({ ...grant, client_id: client.client_id, client_secret: '' }),
    status: 401,
    error: 'invalid_client',
  },
  {
    title: 'a Bearer header',
    form: () => grant,
    posting: header('Bearer abc'),
    status: 401,
    error: 'invalid_client',
  },
  {
    title: 'Basic with no base64',
    form: () => grant,
    posting: header('Basic ***'),
    status: 401,
    error: 'invalid_client',
  },
  {
    title: 'Basic without a colon',
    form: () => grant,
    posting: header(`Basic ${Buffer.from('nocolon').toString('base64')}`),
    status: 401,
    error: 'invalid_client',
  },
  {
    title: 'Basic and post together',
    form: () => ({ ...grant, ...byPost() }),
    posting: byBasic,
    status: 401,
    error: 'invalid_request',
  },
  {
    title: 'another client_id than the one in the header',
    form: () => ({ ...grant, client_id: other.client_id }),
    posting: byBasic,
    status: 401,
    error: 'invalid_request',
  },
  { title: 'no grant_type', form: () => byPost(), status: 400, error: 'invalid_request' },
  {
    title: 'an empty grant_type',
    form: () => ({ ...byPost(), grant_type: '' }),
    status: 400,
    error: 'invalid_request',
  },
  {
    title: 'an unknown grant_type',
    form: () => ({ ...grant, grant_type: 'urn:ietf:params:oauth:grant-type:device_code' }),
    posting: byBasic,
    status: 400,
    error: 'unsupported_grant_type',
  },
  {
    title: 'an unknown scope beside a known one',
    form: () => ({ ...grant, scope: 'read_sayhello nonsense' }),
    posting: byBasic,
    status: 400,
    error: 'invalid_scope',
  },
  {
    title: 'openid',
    form: () => ({ ...grant, scope: 'openid' }),
    posting: byBasic,
    status: 400,
    error: 'invalid_scope',
  },
  {
    title: 'no scope, where there is no default',
    form: () => ({ grant_type: 'client_credentials' }),
    posting: byBasic,
    status: 400,
    error: 'invalid_scope',
  },
  {
    title: "another client's scope",
    form: () => ({ ...grant, scope: 'read_saysecret' }),
    posting: byBasic,
    status: 400,
    error: 'access_denied',
  },
  {
    title: 'a repeated parameter',
    form: () => `${encoded()}&scope=read_sayhello`,
    status: 400,
    error: 'invalid_request',
  },
  {
    title: 'a JSON body',
    form: () => JSON.stringify({ ...grant, ...byPost() }),
    posting: () => ({ contentType: 'application/json' }),
    status: 400,
    error: 'invalid_request',
  },
  { title: 'a NUL', form: () => `${encoded()}&state=%00`, status: 400, error: 'invalid_request' },
  {
    title: 'a broken percent-encoding',
    form: () => `${encoded()}&state=%zz`,
    status: 400,
    error: 'invalid_request',
  },
  {
    title: 'percent-encoded bytes that are no UTF-8',
    form: () => `${encoded()}&state=%ff`,
    status: 400,
    error: 'invalid_request',
  },
  {
    title: 'raw bytes that are no UTF-8',
    form: () => new Uint8Array([...Buffer.from(`${encoded()}&state=`), 0xff]),
    status: 400,
    error: 'invalid_request',
  },
];

describe('the token endpoint refuses', () => {
  it.each(refusals)('$title: $status $error', async ({ form, posting, status, error }) => {
    const answer = await post(issuer, 'token', form(), posting?.());
    expect([answer.status, answer.json.error]).toEqual([status, error]);
    expect(answer.headers.get('cache-control')).toBe('no-cache, no-store');
    expect(answer.headers.has('www-authenticate')).toBe(status === 401);
  });

  it('unknown clients and wrong secrets with the same words', async () => {
    const [unknown, wrong] = await Promise.all([
      post(issuer, 'token', { ...grant, client_id: '0oaNobody', client_secret: 'x' }),
      post(issuer, 'token', { ...grant, client_id: client.client_id, client_secret: 'x' }),
    ]);
    expect(unknown.text).toBe(wrong.text);
  });

  it('a body that is larger than any form, in Okta’s form', async () => {
    const answer = await post(issuer, 'token', `x=${'a'.repeat(10 * 1024 * 1024)}`);
    expect([answer.status, answer.json.errorCode]).toEqual([413, 'E0000003']);
  });

  it('a wrong method with 405 E0000022, and unknown servers and paths with 404 E0000007', async () => {
    const get = await send(`${issuer.origin}/oauth2/default/v1/token`);
    expect([get.status, get.json.errorCode, get.headers.get('allow')]).toEqual([405, 'E0000022', 'POST']);
    const server = await send(`${issuer.origin}/oauth2/nowhere/v1/keys`);
    expect([server.status, server.json.errorCode]).toEqual([404, 'E0000007']);
    expect(server.json.errorSummary).toBe('Not found: Resource not found: nowhere (AuthorizationServer)');
    const path = await send(`${issuer.origin}/oauth2/default/v1/nothing`);
    expect([path.status, path.json.errorCode]).toEqual([404, 'E0000007']);
  });
});

describe("the article's curl, with everything in the query string", () => {
  const run = promisify(execFile);

  async function curl(to: TestIssuer, { client_id, client_secret }: ClientWithSecret): Promise<unknown> {
    const query = `grant_type=client_credentials&scope=read_sayhello&client_id=${client_id}&client_secret=${client_secret}`;
    const { stdout } = await run('curl', [
      ...['-s', '-X', 'POST', `${to.origin}/oauth2/default/v1/token?${query}`],
      ...['-H', 'accept: application/json', '-H', 'cache-control: no-cache'],
      ...['-H', 'content-type: application/x-www-form-urlencoded'],
    ]);
    return JSON.parse(stdout);
  }

  it('is refused in production, as Okta refuses it', async () => {
    expect(await curl(issuer, client)).toEqual({
      error: 'invalid_request',
      error_description: 'Client credentials cannot be supplied via query parameters.',
    });
  });

  it('gets a token in development, with a warning that names the risk and not the secret', async () => {
    const development = await startTestIssuer({ ISSUER_MODE: 'development' });
    try {
      const articles = await development.registry.add({ name: 'article', scopes: ['read_sayhello'] });
      expect(await curl(development, articles)).toMatchObject({
        token_type: 'Bearer',
        scope: 'read_sayhello',
      });
      const log = development.log.join('');
      expect(log).toContain('a client sent its secret in the URL');
      expect(log).not.toContain(articles.client_secret);
    } finally {
      await development.close();
    }
  });
});
