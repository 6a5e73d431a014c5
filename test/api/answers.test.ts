import { afterAll, beforeAll, describe, it } from 'vitest';
import { send } from '../support/api-client.js';
import { ownBundle } from '../support/api-opa-stand-in.js';
import { startApiWorld, startTestApi } from '../support/api-world.js';
import type { ApiWorld, TestApi } from '../support/api-world.js';
import { answerRows } from './support/answer-rows.js';
import { expectAnswer } from './support/expect-answer.js';

const validations = ['local', 'remote', 'both'] as const;
const engines = ['sidecar', 'embedded'] as const;
const combinations = validations.flatMap((validation) => engines.map((engine) => ({ validation, engine })));

describe.each(combinations)('with $validation validation and $engine policy', ({ validation, engine }) => {
  let world: ApiWorld;
  let api: TestApi;

  beforeAll(async () => {
    world = await startApiWorld();
    api = await startTestApi(
      world.environment({ OKTA_VALIDATION: validation, OPA_MODE: engine, OPA_BUNDLE: ownBundle }),
    );
  });

  afterAll(async () => {
    await api.close();
    await world.close();
  });

  it.each(answerRows)('answers as the contract says when $when', async ({ request, answer }) => {
    const before = api.decisions().length;
    const received = await send(api.port, await request(world));
    const expected = typeof answer === 'function' ? answer(validation) : answer;
    expectAnswer(received, expected, api.decisions().slice(before));
  });
});
