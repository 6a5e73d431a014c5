import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { get, json } from '../support/api-client.js';
import { startApiWorld } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';
import { installPacked, NoRegistry } from './support/packed.js';
import type { Installation } from './support/packed.js';

/** Packing builds, and installing downloads what is not in npm's cache. */
const patience = 300_000;

describe('the packed package, installed by another service', () => {
  let world: ApiWorld;
  let installed: Installation | undefined;

  beforeAll(async () => {
    world = await startApiWorld();
    installed = await installPacked().catch((error: unknown) => {
      if (!(error instanceof NoRegistry) || process.env.REQUIRE_REGISTRY === '1') throw error;
      return undefined;
    });
  }, patience);

  afterAll(async () => {
    installed?.close();
    await world.close();
  });

  /** A test that is skipped by name where nothing can be installed. */
  function installedIt(title: string, body: (installation: Installation) => Promise<void> | void): void {
    it(
      title,
      async ({ skip }) => {
        if (installed === undefined) skip('skipped: there is no registry to install dependencies from');
        else await body(installed);
      },
      patience,
    );
  }

  installedIt(
    'holds the built programs, the policies and what one has to read, and nothing else',
    ({ files }) => {
      const expected =
        /^(dist\/.+\.(js|d\.ts)|dist\/swagger-ui-dist\/[^/]+|policies\/.+|app\.env\.example|package\.json|README\.md|LICENSE)$/;
      expect(files.filter((path) => !expected.test(path))).toEqual([]);
      const indispensable = [
        'dist/index.js',
        'dist/index.d.ts',
        'dist/main.js',
        'dist/issuer/main.js',
        'dist/swagger-ui-dist/LICENSE',
        'dist/swagger-ui-dist/NOTICE',
        'policies/bundle.tar.gz',
        'app.env.example',
        'README.md',
        'LICENSE',
      ];
      expect(files).toEqual(expect.arrayContaining(indispensable));
    },
  );

  installedIt('points to no file that is not in it', ({ folder, files }) => {
    // Swagger UI's bundle keeps pointing to its map, which is larger than itself.
    const texts = files.filter((path) => /^dist\/(?!swagger-ui-dist\/)/.test(path));
    const dangling = texts.filter((path) => {
      const text = readFileSync(join(folder, 'node_modules/nest-okta-opa', path), 'utf8');
      const map = /^\/\/# sourceMappingURL=(.+)$/m.exec(text)?.[1];
      return map !== undefined && !existsSync(join(folder, 'node_modules/nest-okta-opa', path, '..', map));
    });
    expect(dangling).toEqual([]);
  });

  installedIt('type-checks in a service of the usual settings', ({ diagnostics }) => {
    expect(diagnostics).toBe('');
  });

  installedIt('does not type-check where it is used wrongly', async ({ compile }) => {
    const okta = "{ issuer: '', audience: '', clientIds: 'any', validation: 'both' }";
    const opa = "{ mode: 'sidecar', url: '' }";
    const wrong = `import { AccessModule } from 'nest-okta-opa';\nAccessModule.forRoot({ okta: ${okta}, opa: ${opa} });\n`;
    expect(await compile('wrong.ts', wrong)).toMatch(
      /^wrong\.ts\(2,\d+\): error TS\d+: .*clientId, clientSecret/s,
    );
  });

  describe.each(['Fastify', 'Express'])('on %s', (adapter) => {
    installedIt('lets in, asks for a token, and denies', async ({ folder }) => {
      const { port, checks } = await startService(folder, {
        ADAPTER: adapter,
        ISSUER: world.okta.issuer,
        OPA_URL: world.opa.urlOf('orders/authz/allow'),
      });
      expect(checks).toEqual(['policy', 'key_set']);
      const token = await world.token();
      world.opa.decidesBy(({ input }) => input.params.id === '7');
      const answer = await get(port, '/orders/7', token);
      expect([answer.status, json(answer)]).toEqual([200, { id: '7', for: '0oaTestClient' }]);
      expect(await get(port, '/orders/7')).toMatchObject({ status: 401 });
      expect(await get(port, '/orders/8', token)).toMatchObject({ status: 403 });
      expect(await get(port, '/orders/all/of/them', token)).toMatchObject({ status: 403 });
      expect(world.opa.asked().at(-1)?.decisionPath).toBe('orders/admin/allow');
      const outcomes = ['allow', 'unauthenticated', 'deny', 'deny'];
      expect(JSON.parse((await get(port, '/decisions')).body)).toEqual(outcomes);
    });
  });

  installedIt('runs as the API itself, with the policies that came with it', async ({ folder }) => {
    const packaged = join(folder, 'node_modules/nest-okta-opa');
    const { port } = await start(folder, join(packaged, 'dist/main.js'), {
      ...world.environment({ OPA_MODE: 'embedded', OPA_BUNDLE: join(packaged, 'policies/bundle.tar.gz') }),
    });
    expect(await get(port, '/sayhello', await world.token())).toMatchObject({ status: 200 });
    expect(await get(port, '/saysecret', await world.token())).toMatchObject({ status: 403 });
  });

  installedIt('runs as the issuer, with its documentation', async ({ folder }) => {
    const { port } = await start(folder, join(folder, 'node_modules/nest-okta-opa/dist/issuer/main.js'), {
      ISSUER_MODE: 'development',
      ISSUER_DATABASE_URL: 'pglite:memory',
      ISSUER_PORT: '0',
      ISSUER_MANAGEMENT_PORT: '0',
    });
    expect(await get(port, '/docs/swagger-ui-bundle.js')).toMatchObject({ status: 200 });
    expect(existsSync(join(folder, 'node_modules/swagger-ui-dist'))).toBe(false);
  });

  installedIt(
    'type-checks in a program that only gets tokens, and refuses impossible options',
    async (it) => {
      const program = (
        server: string,
      ) => `import { createTokenSource, TokenSourceError } from 'nest-okta-opa/token-source';
import type { TokenErrorCode } from 'nest-okta-opa/token-source';
const source = createTokenSource({ ${server} clientId: 'job', clientSecret: 's', grant: { username: 'u', password: 'p' } });
export const password: () => Promise<string> = source.asPassword();
export const call = async () => fetch('https://api.test', { headers: await source.asHeader()() });
export const codeOf = (e: unknown): TokenErrorCode | undefined => (e instanceof TokenSourceError ? e.code : undefined);
`;
      const issuer = "issuer: 'https://idp.test',";
      expect(await it.compile('job.ts', program(issuer))).toBe('');
      const both = `${issuer} tokenEndpoint: 'https://idp.test/token',`;
      expect(await it.compile('wrong-job.ts', program(both))).toMatch(/^wrong-job\.ts\(3,\d+\): error TS/);
    },
  );

  installedIt('gets tokens with no Nest in the process', async ({ folder }) => {
    const code = `
      import { registerHooks } from 'node:module';
      const packages = new Set();
      registerHooks({
        resolve: (specifier, context, next) => {
          const found = next(specifier, context);
          packages.add(/.*node_modules.((?:@[^/]+[/])?[^/]+)/.exec(found.url)?.[1]);
          return found;
        },
      });
      const { createTokenSource } = await import('nest-okta-opa/token-source');
      const options = { clientId: 'job', clientSecret: 's', grant: 'client_credentials', retries: 0 };
      const source = createTokenSource({ tokenEndpoint: 'http://127.0.0.1:1/', ...options });
      const error = await source.token().catch((thrown) => thrown.code);
      packages.delete(undefined);
      console.log(error, [...packages].sort().join());`;
    expect(await run(folder, code)).toBe('unavailable nest-okta-opa,undici');
  });

  installedIt('shows its entry points and nothing behind them', async ({ folder }) => {
    const names = await evaluate(folder, "Object.keys(await import('nest-okta-opa')).sort().join()");
    expect(names).toBe(
      'AccessModule,AccessRefused,AccessRuntime,AccessSetupError,CurrentPrincipal,Policy,Public',
    );
    const tokenSource = "Object.keys(await import('nest-okta-opa/token-source')).sort().join()";
    expect(await evaluate(folder, tokenSource)).toBe('TokenSourceError,createTokenSource');
    const inner = "await import('nest-okta-opa/dist/access/access.guard.js').catch(({ code }) => code)";
    expect(await evaluate(folder, inner)).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

interface Listening {
  readonly port: number;
  readonly checks?: readonly string[];
}

function startService(folder: string, environment: Readonly<Record<string, string>>): Promise<Listening> {
  return start(folder, 'service.js', environment);
}

/** Runs a program that says in a line of JSON where it listens; ended with the test. */
async function start(
  folder: string,
  program: string,
  environment: Readonly<Record<string, string>>,
): Promise<Listening> {
  const child = spawn(process.execPath, [program], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  for await (const line of createInterface(child.stdout)) {
    const message = JSON.parse(line) as Listening & { msg: string };
    if (message.msg.endsWith('listening')) return message;
  }
  throw new Error(`${program} ended before it listened`);
}

function evaluate(folder: string, expression: string): Promise<string> {
  return run(folder, `console.log(${expression})`);
}

/** What a module prints that lies beside the installed package. */
async function run(folder: string, code: string): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: folder, env: {} });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  await once(child, 'close');
  return output.trim();
}
