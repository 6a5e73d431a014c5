import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AccessModule } from '../../src/access/access.module.js';
import type { AccessOptions } from '../../src/access/access-options.js';
import { AccessSetupError } from '../../src/access/check-options.js';
import { buildBundle, describeWithOpa } from '../support/opa.js';
import { makeBundle } from '../policy/support/make-bundle.js';
import { get, json } from '../support/api-client.js';
import { accessOptions, startApp } from '../support/api-guarded-app.js';
import { ownBundle } from '../support/api-opa-stand-in.js';
import { startApiWorld } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';
import { temporaryFolder } from '../support/temporary-folder.js';

@Controller('sayhello')
class HelloController {
  @Get()
  hello() {
    return { message: 'hello' };
  }
}

let world: ApiWorld;
const { path: folder, remove } = temporaryFolder();

beforeAll(async () => {
  world = await startApiWorld();
});

afterAll(async () => {
  await world.close();
  remove();
});

@Injectable()
class Configuration {
  create(): AccessOptions {
    return accessOptions(world);
  }
}

@Module({ providers: [Configuration], exports: [Configuration] })
class ConfigurationModule {}

async function statusesOf(module: ReturnType<typeof AccessModule.forRoot>): Promise<number[]> {
  const { app, port } = await startApp('Fastify', [HelloController], [module]);
  onTestFinished(() => app.close());
  const statuses = [];
  for (const token of [await world.token(), await world.token({ scp: [] }), undefined])
    statuses.push((await get(port, '/sayhello', token)).status);
  return statuses;
}

describe('AccessModule', () => {
  it('is configured by options at hand', async () => {
    expect(await statusesOf(AccessModule.forRoot(accessOptions(world)))).toEqual([200, 403, 401]);
  });

  it('is configured by a factory that asks other providers', async () => {
    const module = AccessModule.forRootAsync({
      imports: [ConfigurationModule],
      inject: [Configuration],
      useFactory: async (configuration: Configuration) => Promise.resolve(configuration.create()),
    });
    expect(await statusesOf(module)).toEqual([200, 403, 401]);
  });

  it('is configured by a class', async () => {
    const module = AccessModule.forRootAsync({ imports: [ConfigurationModule], useClass: Configuration });
    expect(await statusesOf(module)).toEqual([200, 403, 401]);
  });

  it('lets go of its connections when the application closes', async () => {
    const { app, port } = await startApp(
      'Fastify',
      [HelloController],
      [AccessModule.forRoot(accessOptions(world))],
    );
    await get(port, '/sayhello', await world.token());
    expect(world.opa.openSockets).toBeGreaterThan(0);
    await app.close();
    await vi.waitFor(() => {
      expect([world.okta.openSockets, world.opa.openSockets]).toEqual([0, 0]);
    });
  });

  it('names a realm that fits into a header, whatever it is told', async () => {
    const options = accessOptions(world, { realm: 'a"b\\c\r\nd é' });
    const { app, port } = await startApp('Fastify', [HelloController], [AccessModule.forRoot(options)]);
    onTestFinished(() => app.close());
    const answer = await get(port, '/sayhello');
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer realm="a_b_c__d _"']);
    expect(json(answer)).toMatchObject({ code: 'credentials_required' });
  });
});

/** A change of good options, and what the message must name. */
type Mistake = readonly [what: string, change: (good: AccessOptions) => AccessOptions, message: RegExp];

const withOkta =
  (okta: object) =>
  (good: AccessOptions): AccessOptions => ({
    ...good,
    okta: { ...good.okta, ...okta },
  });
const withOpa =
  (opa: object) =>
  (good: AccessOptions): AccessOptions => ({ ...good, opa: { ...good.opa, ...opa } });
const withBundle = (bundle: string) => withOpa({ mode: 'embedded', bundle });

const mistakes: readonly Mistake[] = [
  ['an issuer that is no URL', withOkta({ issuer: 'idp' }), /okta\.issuer: expected an https URL/],
  ['an issuer without TLS', withOkta({ issuer: 'http://idp.test/x' }), /okta\.issuer: expected an https URL/],
  [
    'an issuer with a slash at its end',
    withOkta({ issuer: 'https://idp.test/' }),
    /okta\.issuer: .*no slash/,
  ],
  [
    'a key set without TLS',
    withOkta({ jwksUrl: 'http://idp.test/keys' }),
    /okta\.jwksUrl: expected an https URL/,
  ],
  ['no audience', withOkta({ audience: '' }), /okta\.audience: is required/],
  ['clients in no list', withOkta({ clientIds: 'abc' }), /okta\.clientIds: expected a list/],
  ['remote validation without a secret', withOkta({ validation: 'remote' }), /okta\.clientSecret.*remote/],
  ['a cache without a bound', withOkta({ tokenCacheEntries: NaN }), /okta\.tokenCacheEntries: .*at least 1/],
  ['no time for Okta', withOkta({ timeoutMs: 0 }), /okta\.timeoutMs: .*at least 1/],
  ['no time for OPA', withOpa({ timeoutMs: Infinity }), /opa\.timeoutMs: .*at least 1/],
  [
    'a decision that is none',
    withOpa({ url: 'http://localhost:8181/v1/policies/x' }),
    /opa\.url: .*\/v1\/data/,
  ],
  [
    'a password in the URL of OPA',
    withOpa({ url: 'http://u:hunter2@x/v1/data/a' }),
    /^(?!.*hunter2).*opa\.url/,
  ],
  ['a bundle that is not there', withBundle('/nowhere/bundle.tar.gz'), /\/nowhere\/bundle\.tar\.gz.*ENOENT/],
  ['a bundle that is none', withBundle(import.meta.filename), /module\.test\.ts.*unzipped/],
  ['several at once', withOkta({ issuer: '', audience: '', timeoutMs: -1 }), /issuer.*audience.*timeoutMs/],
];

describe('a service whose guard can’t be set up does not start', () => {
  async function failure(options: AccessOptions): Promise<unknown> {
    const started = startApp('Fastify', [HelloController], [AccessModule.forRoot(options)]);
    return started.then(
      async ({ app }) => app.close(),
      (error: unknown) => error,
    );
  }

  it('but the good options do', async () => {
    expect(await failure(accessOptions(world))).toBeUndefined();
    expect(await failure(withBundle(ownBundle)(accessOptions(world)))).toBeUndefined();
  });

  it.each(mistakes)('%s', async (_, change, message) => {
    const error = await failure(change(accessOptions(world)));
    expect(error).toBeInstanceOf(AccessSetupError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
  });

  it('a bundle without WASM', async () => {
    const bundle = join(folder, 'no-wasm.tar.gz');
    writeFileSync(bundle, makeBundle({ 'data.json': '{}' }));
    const error = await failure(withBundle(bundle)(accessOptions(world)));
    expect(error).toBeInstanceOf(AccessSetupError);
    expect((error as Error).message).toMatch(/no-wasm\.tar\.gz can't be used: it holds no policy\.wasm/);
  });

  describeWithOpa('for its policy', (opa) => {
    it('needs a built-in that the embedded engine lacks: it is named', async () => {
      const bundle = join(folder, 'host-builtins.tar.gz');
      const rego = join(folder, 'needs.rego');
      writeFileSync(
        rego,
        'package needs\n\nallow if http.send({"method": "GET", "url": input.url}).status_code == 200\n',
      );
      writeFileSync(bundle, buildBundle(opa, '--target', 'wasm', '--entrypoint', 'needs/allow', rego));
      const error = await failure(withBundle(bundle)(accessOptions(world)));
      expect(error).toBeInstanceOf(AccessSetupError);
      expect((error as Error).message).toMatch(/host-builtins\.tar\.gz.*lacks: http\.send$/);
    });
  });
});
