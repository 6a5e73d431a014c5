import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { builtProject } from '../support/api-build.js';
import { startApiWorld, testApiForTest } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';
import { readRepositoryFile } from './repository.js';

const dockerfile = readRepositoryFile('Dockerfile').replaceAll('\\\n', ' ');
const [build = '', final = ''] = dockerfile.split(/^(?=FROM )/m).slice(1);

/** The arguments of an instruction in exec form, without `node` in front: there is no shell in between. */
function nodeArguments(instruction: RegExp): readonly string[] {
  const [program, ...rest] = JSON.parse(instruction.exec(final)?.[1] ?? '[]') as string[];
  expect(program).toBe('node');
  return rest;
}

const start = nodeArguments(/^CMD (\[.*\])$/m);

/** Both health checks, for a management port. */
const healthChecks = {
  "the image's": (port: number) => ({
    args: nodeArguments(/^HEALTHCHECK .* CMD (\[.*\])$/m),
    env: { MANAGEMENT_PORT: String(port) },
  }),
  "the compose file's": (port: number) => ({ args: composeHealthCheck(port), env: {} }),
};

function composeHealthCheck(port: number): readonly string[] {
  const { services } = parse(readRepositoryFile('docker-compose.yml')) as {
    services: { api: { healthcheck: { test: readonly string[] } } };
  };
  const [kind, program, ...rest] = services.api.healthcheck.test;
  expect([kind, program]).toEqual(['CMD', 'node']);
  return rest.map((argument) => argument.replace(':9086', `:${port}`));
}

describe('the Dockerfile', () => {
  it('runs the Node that tests run with', () => {
    const { packages } = JSON.parse(readRepositoryFile('package-lock.json')) as {
      packages: Record<string, { version: string }>;
    };
    expect(/^ARG NODE_VERSION=(.*)$/m.exec(dockerfile)?.[1]).toBe(packages['node_modules/node']?.version);
    for (const stage of [build, final]) expect(stage).toMatch(/^FROM node:\$\{NODE_VERSION\}-\w+-slim\b/);
  });

  it('copies what .dockerignore lets through, and nothing else is let through', () => {
    const [first, ...others] = readRepositoryFile('.dockerignore').split('\n').filter(isPattern);
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    expect(first).toBe('*');
    expect(others.toSorted()).toEqual([...new Set(copied)].map((path) => `!${path}`).toSorted());
  });

  it('ends as a user without privileges, with no development dependency', () => {
    expect([...final.matchAll(/^USER (.*)$/gm)].map(([, user]) => user)).toEqual(['node']);
    expect(build.trimEnd()).toMatch(/npm prune --omit=dev --ignore-scripts$/);
    expect(final).not.toMatch(/^RUN /m);
  });
});

function isPattern(line: string): boolean {
  return line !== '' && !line.startsWith('#');
}

describe("the image's command", () => {
  it('is the API: without settings it lists what is missing and exits with 78', async () => {
    const child = spawn(process.execPath, start, { cwd: builtProject(), env: {} });
    const [stderr, ending] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect(ending).toEqual([78, null]);
    expect(stderr).toMatch(/OKTA_ISSUER is required/);
  });
});

describe('the health checks', () => {
  let world: ApiWorld;

  beforeAll(async () => {
    world = await startApiWorld();
  });

  afterAll(() => world.close());

  const environments = {
    'is ready': () => world.environment(),
    'has no decision to ask for': () => world.environment({ OPA_AUTHZ_URL: world.opa.urlOf('nothing/here') }),
    'is gone': () => world.environment(),
  };

  it.each([
    { check: "the image's", api: 'is ready', code: 0 },
    // Whoever restarts what is unhealthy must not do so for want of a policy.
    { check: "the image's", api: 'has no decision to ask for', code: 0 },
    { check: "the image's", api: 'is gone', code: 1 },
    { check: "the compose file's", api: 'is ready', code: 0 },
    { check: "the compose file's", api: 'has no decision to ask for', code: 1 },
    { check: "the compose file's", api: 'is gone', code: 1 },
  ] as const)('$check ends with $code when the API $api', async ({ check, api: state, code }) => {
    const api = await testApiForTest(environments[state]());
    if (state === 'is gone') await api.close();
    const { args, env } = healthChecks[check](api.managementPort);
    const child = spawn(process.execPath, args, { env });
    expect(await once(child, 'close')).toEqual([code, null]);
  });
});
