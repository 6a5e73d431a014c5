import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startTestIssuer } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';

/** The status of a target that is sent as it is: fetch would tidy it up. */
function statusOf({ port }: TestIssuer, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

describe('/docs', () => {
  let issuer: TestIssuer;
  beforeAll(async () => {
    issuer = await startTestIssuer();
  });
  afterAll(() => issuer.close());
  const get = (path: string) => send(issuer.origin + path);

  it('is a page under a policy that lets nothing in from elsewhere, and no script into the page', async () => {
    const { status, headers } = await get('/docs');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(headers.get('content-security-policy')?.split('; ')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data:",
      "connect-src 'self'",
      "form-action 'none'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-cache');
  });

  it('names only what is here, and has no script of its own', async () => {
    const { text } = await get('/docs');
    const named = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address = '']) => address);
    expect(named).toHaveLength(5);
    for (const address of named) expect((await get(`/${address}`)).status).toBe(200);
    expect(text).not.toMatch(/\/\/|<script>|<style| on\w+=/);
  });

  it.each([
    ['swagger-ui.css', 'text/css; charset=utf-8', '.swagger-ui'],
    ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8', 'SwaggerUIBundle'],
    ['initializer.js', 'text/javascript; charset=utf-8', 'SwaggerUIBundle('],
    ['favicon-32x32.png', 'image/png', 'PNG'],
  ])('brings %s, once', async (name, type, part) => {
    const { status, headers, text } = await get(`/docs/${name}`);
    expect([status, headers.get('content-type')]).toEqual([200, type]);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(text).toContain(part);
    const known = { headers: { 'if-none-match': headers.get('etag') ?? '' } };
    expect((await send(`${issuer.origin}/docs/${name}`, known)).status).toBe(304);
  });

  it('starts with the document of this issuer, and sends its address to no service that checks documents', async () => {
    const { text } = await get('/docs/initializer.js');
    expect(text).toContain("url: 'openapi.json'");
    expect(text).toContain('validatorUrl: null');
    expect(text).not.toContain('//');
  });

  it.each([
    '/docs/',
    '/docs/index.html',
    '/docs/swagger-ui-bundle.js.map',
    '/docs/package.json',
    '/docs/constructor',
    '/docs/../package.json',
    '/docs/..%2fpackage.json',
    '/docs/%2e%2e%2f%2e%2e%2fpackage.json',
    '/docs/..%5cpackage.json',
    '/docs/swagger-ui.css%00',
    '/docs/./swagger-ui.css',
  ])('has nothing at %s', async (path) => {
    expect(await statusOf(issuer, path)).toBe(404);
  });
});
