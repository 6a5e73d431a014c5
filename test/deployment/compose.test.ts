import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { bundlesOf, policiesFolder } from '../../scripts/lib/policies.mjs';
import { opaVersion } from '../../scripts/lib/opa.mjs';
import { apiSettingsTable, readApiSettings } from '../../src/settings/api-settings.js';
import { describeWithOpa, startOpaServer } from '../support/opa.js';
import type { OpaServer } from '../support/opa.js';
import { readRepositoryFile, repositoryFile } from './repository.js';
import { temporaryFolder } from '../support/temporary-folder.js';

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly unknown[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface ComposeFile {
  readonly services: { readonly api: Service; readonly opa: Service };
}

const composeFile = parse(readRepositoryFile('docker-compose.yml')) as ComposeFile;

/** Compose as a program of its own, or as a plugin of Docker's. */
const composeCommands = [['docker-compose'], ['docker', 'compose']] as const;
const compose = composeCommands.find(
  ([program, ...args]) => spawnSync(program, [...args, 'version']).status === 0,
);

/** The compose file as the real parser of Compose understands it, beside this app.env. */
function composeConfig(appEnv: string): ComposeFile {
  const { path: folder, remove } = temporaryFolder();
  onTestFinished(() => {
    remove();
  });
  copyFileSync(repositoryFile('docker-compose.yml'), join(folder, 'docker-compose.yml'));
  writeFileSync(join(folder, 'app.env'), appEnv);
  const [program, ...args] = compose ?? composeCommands[0];
  return parse(execFileSync(program, [...args, 'config'], { cwd: folder, encoding: 'utf8' })) as ComposeFile;
}

/** Needs Compose; skipped by name without it, failing under `REQUIRE_CLIENTS=1`. */
function itWithCompose(title: string, body: () => void): void {
  if (compose !== undefined || process.env.REQUIRE_CLIENTS === '1') it(title, body);
  else it.skip(`skipped: ${title} (no Docker Compose)`);
}

describe('docker-compose.yml', () => {
  itWithCompose('is what Compose takes it for: two services without privileges', () => {
    const { services } = composeConfig('');
    expect(Object.keys(services).toSorted()).toEqual(['api', 'opa']);
    for (const service of Object.values(services))
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
    expect(services.opa).toMatchObject({ user: '1000:1000', networks: { decisions: null } });
    expect(services.api).toMatchObject({ depends_on: { opa: { condition: 'service_healthy' } } });
  });

  itWithCompose(
    'hands app.env to the API, its headings no hindrance, and lets nothing in it undo the wiring',
    () => {
      const filledIn = readRepositoryFile('app.env.example')
        .replace('OKTA_ISSUER=\n', 'OKTA_ISSUER=https://dev-1.okta.test/oauth2/default\n')
        .replace('OKTA_CLIENT_ID=\n', 'OKTA_CLIENT_ID=0oa1\n')
        .replace('PORT=8086', 'PORT=1');
      expect(filledIn).toMatch(/^\[Okta\]$/m);
      const { environment = {} } = composeConfig(filledIn).services.api;
      expect(readApiSettings(environment)).toMatchObject({
        ok: true,
        value: {
          issuer: 'https://dev-1.okta.test/oauth2/default',
          clientId: '0oa1',
          opaUrl: 'http://opa:8181/v1/data/demoapi/authz/decision',
          port: 8086,
        },
      });
    },
  );

  it('pins the OPA that policies are tested with, and publishes none of its ports', () => {
    expect(composeFile.services.opa.image).toBe(`openpolicyagent/opa:${opaVersion}-static`);
    expect(composeFile.services.opa.ports).toBeUndefined();
  });

  it('gives the API settings that it has', () => {
    const known = Object.values(apiSettingsTable).map(({ name }): string => name);
    const given = Object.keys(composeFile.services.api.environment ?? {});
    expect(given.filter((name) => !known.includes(name))).toEqual([]);
  });
});

/** The arguments of the compose file for this machine: another port, and policies/ where it lies here. */
function localArguments(command: readonly string[]): string[] {
  return command
    .filter((argument) => !/^(run|--server|--addr=.*)$/.test(argument))
    .map((argument) => argument.replace('/policies/', `${policiesFolder}/`));
}

describeWithOpa("the compose file's OPA, by its own command line and configuration", (opa) => {
  const { command = [], healthcheck } = composeFile.services.opa;
  const resource = `bundles.demoapi.resource=file://${bundlesOf().rego}`;
  let server: OpaServer;

  beforeAll(async () => {
    server = await startOpaServer(opa, ...localArguments(command), '--set', resource);
    return () => server.close();
  });

  const ask = (scopes: readonly string[], token: string) =>
    fetch(`${server.origin}/v1/data/demoapi/authz/decision`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        input: {
          method: 'GET',
          api: '/sayhello',
          route: '/sayhello',
          jwt: { tokenValue: token },
          principal: { scopes },
        },
      }),
    }).then((response) => response.json() as Promise<{ result: unknown }>);

  it('decides by the bundle', async () => {
    expect((await ask(['read_sayhello'], 't')).result).toMatchObject({ allow: true });
    expect((await ask([], 't')).result).toMatchObject({ allow: false, scope: 'read_sayhello' });
  });

  it('writes one line for each decision, without the token, and none for the request', async () => {
    const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2VjcmV0';
    await ask(['read_sayhello'], token);
    await expect.poll(() => server.output()).toContain('"erased":["/input/jwt/tokenValue"]');
    expect(server.output()).not.toContain(token);
    expect(server.output()).not.toMatch(/received request/i);
  });

  it('is found healthy by the health check when its bundle is in force, and not when OPA is gone', async () => {
    const [, , ...check] = healthcheck?.test ?? [];
    const healthAt = (origin: string) =>
      spawnSync(
        opa,
        check.map((argument) => argument.replace('http://127.0.0.1:8181', origin)),
      ).status;
    expect(healthAt(server.origin)).toBe(0);
    const gone = await startOpaServer(opa);
    await gone.close();
    expect(healthAt(gone.origin)).toBe(1);
  });
});
