import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { buildBundle, describeWithOpa } from '../support/opa.js';
import { get, json } from '../support/api-client.js';
import { ownBundle } from '../support/api-opa-stand-in.js';
import { startApiWorld, testApiForTest } from '../support/api-world.js';
import type { ApiEnvironment, ApiWorld } from '../support/api-world.js';
import { greeting, lacksScope } from './support/answer-rows.js';
import type { ExpectedAnswer } from './support/answer-rows.js';
import { expectAnswer } from './support/expect-answer.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const denied: ExpectedAnswer = {
  status: 403,
  code: 'access_denied',
  detail: 'The policy does not allow this request.',
  logged: 'deny/denied',
  decided: true,
};
const undefinedDecision: ExpectedAnswer = { ...denied, logged: 'undefined/undefined' };
const misshapenDecision: ExpectedAnswer = {
  status: 503,
  code: 'authorization_unavailable',
  detail: 'The request could not be decided; try again later.',
  retryAfter: '1',
  logged: 'authorization_unavailable/misshapen',
  decided: true,
};

/** What a policy answers, and what becomes of it. */
const results: readonly (readonly [value: unknown, expected: ExpectedAnswer])[] = [
  [true, greeting],
  [{ allow: true }, greeting],
  [{ allow: true, reason: 'because', scope: 'a b', more: [1] }, greeting],
  [false, denied],
  [{ allow: false }, denied],
  [{ allow: false, reason: 'because' }, denied],
  [{ allow: false, scope: 'a b' }, lacksScope('a b')],
  ...[null, 'true', 'yes', 1, [], [true], {}].map((value) => [value, misshapenDecision] as const),
  ...['true', 1, null].map((allow) => [{ allow }, misshapenDecision] as const),
  [{ allow: true, reason: 1 }, misshapenDecision],
  [{ allow: true, reason: 'a\nb' }, misshapenDecision],
  [{ allow: false, scope: ['a'] }, misshapenDecision],
  // It would end up in a header.
  [{ allow: false, scope: 'a", realm="b' }, misshapenDecision],
  [{ allow: false, scope: 'a\r\nSet-Cookie: b' }, misshapenDecision],
];
const namedResults = results.map(([value, expected]) => [JSON.stringify(value), expected, value] as const);

let world: ApiWorld;

beforeAll(async () => {
  world = await startApiWorld();
});

afterAll(() => world.close());

async function expectGreeting(environment: ApiEnvironment, expected: ExpectedAnswer): Promise<void> {
  const api = await testApiForTest(environment);
  const answer = await get(api.port, '/sayhello', await world.token());
  expectAnswer(answer, expected, api.decisions());
}

describe.each(['sidecar', 'embedded'])('with the %s engine', (engine) => {
  const environment = (decisionPath: string) =>
    world.environment({
      OPA_MODE: engine,
      OPA_BUNDLE: ownBundle,
      OPA_AUTHZ_URL: world.opa.urlOf(decisionPath),
    });

  it('the bare decision denies without naming a scope', async () => {
    const api = await testApiForTest(environment('demoapi/authz/allow'));
    const answer = await get(api.port, '/saysecret', await world.token());
    expectAnswer(answer, denied, api.decisions());
  });

  it('a path where nothing is defined lets nobody in, stands out in the log, and is not ready', async () => {
    const api = await testApiForTest(environment('demoapi/authz/nothing'));
    const answer = await get(api.port, '/sayhello', await world.token());
    expectAnswer(answer, undefinedDecision, api.decisions());
    expect(api.decisions()[0]).toMatchObject({ level: 40, decisionPath: 'demoapi/authz/nothing' });
    const ready = await get(api.managementPort, '/health/ready');
    expect([ready.status, json(ready)]).toMatchObject([
      503,
      {
        status: 'not_ready',
        checks: [
          { name: 'policy', status: 'down' },
          { name: 'key_set', status: 'up' },
        ],
      },
    ]);
    const { body } = await get(api.managementPort, '/metrics');
    expect(body).toContain('nest_okta_opa_requests_total{outcome="undefined"} 1\n');
  });
});

describe('what a sidecar answers', () => {
  it.each(namedResults)('%s', async (_, expected, value) => {
    world.opa.decidesBy(() => value);
    onTestFinished(() => {
      world.opa.decidesBy();
    });
    await expectGreeting(world.environment(), expected);
  });
});

describeWithOpa('what the embedded engine finds in a bundle', (opa) => {
  const { path: folder, remove } = temporaryFolder();

  beforeAll(() => {
    // Rego writes these values like JSON.
    const rules = results.map(([value], index) => `r${index} := ${JSON.stringify(value)}`);
    const rego = join(folder, 'results.rego');
    writeFileSync(rego, ['package results', ...rules].join('\n'));
    const entrypoints = results.flatMap((_, index) => ['--entrypoint', `results/r${index}`]);
    writeFileSync(join(folder, 'bundle.tar.gz'), buildBundle(opa, '--target', 'wasm', ...entrypoints, rego));
  });

  afterAll(() => {
    remove();
  });

  it.each(namedResults.map(([name, expected], index) => [name, expected, index] as const))(
    '%s',
    async (_, expected, index) => {
      const bundle = { OPA_MODE: 'embedded', OPA_BUNDLE: join(folder, 'bundle.tar.gz') };
      const url = { OPA_AUTHZ_URL: world.opa.urlOf(`results/r${index}`) };
      await expectGreeting(world.environment({ ...bundle, ...url }), expected);
    },
  );
});
