import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startTestIssuer } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
}

interface Document {
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, object>>;
}

/** Starts an issuer and notes the routes that Fastify is given, as `METHOD /path/{parameter}`. */
async function startWithRoutes(environment: Record<string, string>) {
  const routes: string[] = [];
  const watch = (message: unknown) => {
    const { fastify } = message as { readonly fastify: FastifyInstance };
    fastify.addHook('onRoute', ({ method, path }) => {
      const template = path.replaceAll(/:(\w+)/g, '{$1}');
      routes.push(...[method].flat().map((each) => `${each} ${template}`));
    });
  };
  subscribe('fastify.initialization', watch);
  const issuer = await startTestIssuer(environment);
  unsubscribe('fastify.initialization', watch);
  return { issuer, routes };
}

/** HEAD goes with GET, OPTIONS with everything: the document says so in words. */
const isDocumented = (route: string) => !/^(HEAD|OPTIONS) /.test(route);

const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, { parameters: _, ...operations }]) =>
    Object.entries(operations).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );

describe.each([
  ['in production', {}, [], ['/faults', '/client']],
  ['in development mode', { ISSUER_MODE: 'development' }, ['/faults'], ['/client']],
  ["with the older services' calls", { ISSUER_COMPAT: 'on' }, ['/client'], ['/faults']],
])('the OpenAPI document, %s', (_, environment, present, absent) => {
  let issuer: TestIssuer;
  let routes: string[];
  let answer: Answer;
  let document: Document;

  beforeAll(async () => {
    ({ issuer, routes } = await startWithRoutes(environment));
    answer = await send(`${issuer.origin}/openapi.json`);
    document = answer.json as unknown as Document;
  });
  afterAll(() => issuer.close());

  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(answer.json)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has every route that there is, and no other', () => {
    const documented = operationsOf(document).map(({ route }) => route);
    expect(documented.toSorted()).toEqual(routes.filter(isDocumented).toSorted());
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(present));
    for (const path of absent) expect(document.paths).not.toHaveProperty(path);
  });

  it('refers to what it has, and has nothing besides', () => {
    const referred = [...answer.text.matchAll(/"\$ref":"#\/components\/([^"]+)"/g)].map(([, name]) => name);
    const { schemas = {}, responses = {}, securitySchemes = {} } = document.components;
    const named = (kind: string, of: object) => Object.keys(of).map((name) => `${kind}/${name}`);
    expect([...new Set(referred)].toSorted()).toEqual(
      [...named('schemas', schemas), ...named('responses', responses)].toSorted(),
    );
    for (const scheme of Object.keys(securitySchemes)) expect(answer.text).toContain(`{"${scheme}":[`);
  });

  it('gives each operation a name of its own, and a tag that is explained', () => {
    const operations = operationsOf(document).map(({ operation }) => operation);
    const names = operations.map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    const tags = document.tags.map(({ name }) => name);
    expect(new Set(operations.flatMap((operation) => operation.tags))).toEqual(new Set(tags));
  });
});

describe('GET /openapi.json', () => {
  let issuer: TestIssuer;
  beforeAll(async () => {
    issuer = await startTestIssuer({ ISSUER_BASE_URL: 'https://id.example.test/auth' });
  });
  afterAll(() => issuer.close());
  const get = (headers: Record<string, string> = {}) => send(`${issuer.origin}/openapi.json`, { headers });

  it('names the base URL that clients use', async () => {
    const { json, headers } = await get();
    expect(json.servers).toEqual([{ url: 'https://id.example.test/auth' }]);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-cache');
  });

  it.each([
    ['its tag', (etag: string) => etag],
    ['its tag, weakened on the way', (etag: string) => `W/${etag}`],
    ['its tag among others', (etag: string) => `"other", ${etag}`],
    ['any', () => '*'],
  ])('is not sent again to who has %s', async (_, known) => {
    const etag = (await get()).headers.get('etag') ?? '';
    const again = await get({ 'if-none-match': known(etag) });
    expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
  });

  it('is sent to who has another', async () => {
    const { status, json } = await get({ 'if-none-match': '"another"' });
    expect([status, json.openapi]).toEqual([200, '3.1.1']);
  });
});
