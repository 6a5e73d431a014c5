import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { get, json } from '../support/api-client.js';
import { startApiWorld, startTestApi, testApiForTest } from '../support/api-world.js';
import type { ApiWorld, TestApi } from '../support/api-world.js';
import { allMisbehaviours } from '../support/misbehaviours.js';
import type { Misbehaviour } from '../support/misbehaviours.js';
import { greeting } from './support/answer-rows.js';
import type { ExpectedAnswer } from './support/answer-rows.js';
import { expectAnswer } from './support/expect-answer.js';

const oktaAway: ExpectedAnswer = {
  status: 503,
  code: 'authentication_unavailable',
  detail: 'The access token could not be checked; try again later.',
  retryAfter: '1',
  logged: 'authentication_unavailable/unavailable',
};
const opaAway: ExpectedAnswer = {
  status: 503,
  code: 'authorization_unavailable',
  detail: 'The request could not be decided; try again later.',
  retryAfter: '1',
  logged: 'authorization_unavailable/unavailable',
  decided: true,
};

/** The upstream that asks for less load says for how long. */
function retryingLater(how: Misbehaviour, expected: ExpectedAnswer): ExpectedAnswer {
  return how === 'status 429' ? { ...expected, retryAfter: '2' } : expected;
}

/** Nobody should have to wait long for what never comes. */
const impatientOfOkta = { OKTA_TIMEOUT_MS: '400' };
const impatientOfOpa = { OPA_TIMEOUT_MS: '400' };

let world: ApiWorld;

beforeEach(async () => {
  world = await startApiWorld();
});

afterEach(() => world.close());

describe.each(['remote', 'both'])('while introspection fails, in %s mode', (validation) => {
  it.each(allMisbehaviours)('%s: 503, and who asks may ask again', async (how) => {
    const api = await testApiForTest(world.environment({ ...impatientOfOkta, OKTA_VALIDATION: validation }));
    const token = await world.token();
    await world.okta.misbehave(how);
    expectAnswer(await get(api.port, '/sayhello', token), retryingLater(how, oktaAway), api.decisions());
    expect(world.opa.asked()).toEqual([]);
  });
});

describe('while the key set was never fetched, in local mode', () => {
  it.each(allMisbehaviours)('%s: 503, and who asks may ask again', async (how) => {
    const token = await world.token();
    await world.okta.misbehave(how);
    const api = await testApiForTest(world.environment(impatientOfOkta));
    expectAnswer(await get(api.port, '/sayhello', token), retryingLater(how, oktaAway), api.decisions());
    expect(world.opa.asked()).toEqual([]);
  });
});

describe('while Okta is away, in local mode with keys from before', () => {
  let api: TestApi;

  beforeEach(async () => {
    api = await startTestApi(world.environment());
    await world.okta.misbehave('refused');
  });

  afterEach(() => api.close());

  it('tokens are let in as before', async () => {
    expectAnswer(await get(api.port, '/sayhello', await world.token()), greeting, api.decisions());
  });

  it('the service stays ready', async () => {
    expect(json(await get(api.managementPort, '/health/ready'))).toMatchObject({ status: 'ready' });
  });
});

describe('while OPA fails', () => {
  it.each(allMisbehaviours)('%s: 503, and who asks may ask again', async (how) => {
    const api = await testApiForTest(world.environment(impatientOfOpa));
    await world.opa.misbehave(how);
    const answer = await get(api.port, '/sayhello', await world.token());
    expectAnswer(answer, retryingLater(how, opaAway), api.decisions());
    expect(json(await get(api.managementPort, '/health/ready'))).toMatchObject({ status: 'not_ready' });
  });
});

describe('the same service', () => {
  it('is ready, and answers, once OPA is back', async () => {
    await world.opa.misbehave('refused');
    const api = await testApiForTest(world.environment());
    expectAnswer(await get(api.port, '/sayhello', await world.token()), opaAway, api.decisions());
    await world.opa.misbehave('well');
    expectAnswer(await get(api.port, '/sayhello', await world.token()), greeting, api.decisions().slice(1));
    expect(json(await get(api.managementPort, '/health/ready'))).toMatchObject({ status: 'ready' });
  });
});
