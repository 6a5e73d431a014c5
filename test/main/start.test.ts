import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ownBundle } from '../support/api-opa-stand-in.js';
import { mainForTest } from '../support/api-process.js';
import { startApiWorld } from '../support/api-world.js';
import type { ApiEnvironment, ApiWorld } from '../support/api-world.js';

let world: ApiWorld;

beforeAll(async () => {
  world = await startApiWorld();
});

afterAll(() => world.close());

/** Runs the API to its end. */
async function run(environment: ApiEnvironment) {
  const api = mainForTest(environment);
  return { code: await api.ended, ...api.output };
}

async function occupiedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('without settings', () => {
  it('the API says which are missing and ends with 78', async () => {
    const { code, stdout, stderr } = await run({});
    expect(code).toBe(78);
    expect(stdout).toBe('');
    expect(stderr.split('\n').map((line) => line.trim())).toEqual([
      '3 settings to correct:',
      expect.stringMatching(/^OKTA_ISSUER is required: /),
      expect.stringMatching(/^OKTA_CLIENT_ID is required: /),
      expect.stringMatching(/^OKTA_AUDIENCE is required: /),
      expect.stringMatching(/app\.env/),
      '',
    ]);
  });
});

describe('with an app.env', () => {
  const appEnv = (settings: ApiEnvironment): string => {
    const { OPA_AUTHZ_URL = '', ...others } = settings;
    const lines = Object.entries(others).map(([name, value]) => `${name}=${value}`);
    return ['[Okta]', ...lines, '[Opa]', `OPA_AUTHZ_URL=${OPA_AUTHZ_URL}`, ''].join('\n');
  };

  it('the API takes its settings from there, headings and all', async () => {
    const api = mainForTest({}, appEnv(world.environment()));
    const line = await api.line(({ msg }) => msg === 'the API is listening');
    expect(line).toMatchObject({ issuer: world.okta.issuer, decisionPath: 'demoapi/authz/decision' });
  });

  it('the API prefers its environment', async () => {
    const other = { OPA_AUTHZ_URL: world.opa.urlOf('other/decision') };
    const api = mainForTest(other, appEnv(world.environment()));
    const line = await api.line(({ msg }) => msg === 'the API is listening');
    expect(line).toMatchObject({ issuer: world.okta.issuer, decisionPath: 'other/decision' });
  });
});

describe('with wrong settings', () => {
  it('the API lists every mistake at once by name, no secret among them, and ends with 78', async () => {
    const wrong = {
      OKTA_ISSUER: 'http://idp.test/oauth2/default',
      OKTA_CLIENT_SECRET_FILE: '/nowhere/secret',
      OKTA_VALIDATION: 'lenient',
      OKTA_INTROSPECTION_CACHE_SECONDS: 'never',
      OKTA_TIMEOUT_MS: '0',
      OPA_AUTHZ_URL: 'http://u:hunter2@opa:8181/v1/policies',
      OPA_MODE: 'cloud',
      PORT: '65536',
      MANAGEMENT_PORT: '-1',
      LOG_LEVEL: 'loud',
      TRUST_PROXY: ',',
    };
    const { code, stdout, stderr } = await run(world.environment({ ...wrong, OKTA_CLIENT_SECRET: '' }));
    expect([code, stdout]).toEqual([78, '']);
    const named = Object.keys(wrong).map((name) => name.replace('_SECRET_FILE', '_SECRET'));
    for (const name of named) expect(stderr).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stderr).toMatch(new RegExp(`^${named.length} settings to correct:`));
    expect(stderr).not.toContain('hunter2');
  });

  it('the API names a secret that is missing for remote validation', async () => {
    const { code, stderr } = await run(
      world.environment({ OKTA_VALIDATION: 'remote', OKTA_CLIENT_SECRET: '' }),
    );
    expect(code).toBe(78);
    expect(stderr).toContain('OKTA_CLIENT_SECRET is required when OKTA_VALIDATION is remote');
  });
});

describe('a port in use', () => {
  it.each(['PORT', 'MANAGEMENT_PORT'])(
    '%s: one line names port and setting, and the end is 69',
    async (setting) => {
      const port = await occupiedPort();
      const { code, stdout, stderr } = await run(
        world.environment({ [setting]: String(port), LOG_LEVEL: 'warn' }),
      );
      expect(code).toBe(69);
      expect(stderr).toMatch(new RegExp(`^port ${port} is in use; set ${setting} to another port\\n$`));
      expect(stdout).toBe('');
    },
  );

  it('is not mistaken for a failure of Okta, whose key set was under way', async () => {
    onTestFinished(world.okta.hold());
    const port = String(await occupiedPort());
    const { code, stdout } = await run(world.environment({ MANAGEMENT_PORT: port, LOG_LEVEL: 'warn' }));
    expect([code, stdout]).toEqual([69, '']);
  });

  it('the same port for both is told as such', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = String((server.address() as AddressInfo).port);
    await new Promise((resolve) => server.close(resolve));
    const { code, stderr } = await run(world.environment({ PORT: port, MANAGEMENT_PORT: port }));
    expect(code).toBe(69);
    expect(stderr).toContain(`port ${port} is in use; set PORT to another port`);
  });
});

describe('a bundle that can’t be used', () => {
  it.each([
    [
      'is not there',
      '/nowhere/bundle.tar.gz',
      /^the policy bundle \/nowhere\/bundle\.tar\.gz can't be used: .*\n$/,
    ],
    ['is none', import.meta.filename, /^the policy bundle .*start\.test\.ts can't be used: .*\n$/],
  ])('%s: one line names it, and the end is 78', async (_, bundle, line) => {
    const { code, stdout, stderr } = await run(
      world.environment({ OPA_MODE: 'embedded', OPA_BUNDLE: bundle, LOG_LEVEL: 'warn' }),
    );
    expect(code).toBe(78);
    expect(stderr).toMatch(line);
    expect(stdout).toBe('');
  });

  it('does not matter to a sidecar', async () => {
    const api = mainForTest(world.environment({ OPA_BUNDLE: '/nowhere/bundle.tar.gz' }));
    await api.line(({ msg }) => msg === 'the API is listening');
  });
});

describe('the line at start', () => {
  it.each(['local', 'remote', 'both'])('says what is in force, in %s mode', async (validation) => {
    const environment = { OKTA_VALIDATION: validation, OPA_MODE: 'embedded', OPA_BUNDLE: ownBundle };
    const api = mainForTest(world.environment(environment));
    const line = await api.line(({ msg }) => msg === 'the API is listening');
    expect(line).toMatchObject({
      validation,
      engine: 'embedded',
      issuer: world.okta.issuer,
      audience: 'api://default',
      decisionPath: 'demoapi/authz/decision',
      revision: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown,
      port: expect.any(Number) as unknown,
      managementPort: expect.any(Number) as unknown,
    });
    expect(api.log().filter(({ msg }) => msg === 'the API is listening')).toHaveLength(1);
  });
});
