import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, json, send } from '../support/api-client.js';
import { ownBundle } from '../support/api-opa-stand-in.js';
import { startApiWorld, startTestApi } from '../support/api-world.js';
import type { ApiWorld, TestApi } from '../support/api-world.js';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = ['traceparent', `00-${traceId}-00f067aa0ba902b7-01`] as const;

const any = (type: unknown): unknown => expect.any(type) as unknown;
const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as unknown;

describe.each(['local', 'remote', 'both'])('the decision line in %s mode', (validation) => {
  let world: ApiWorld;
  let api: TestApi;

  beforeAll(async () => {
    world = await startApiWorld();
    const embedded = { OPA_MODE: 'embedded', OPA_BUNDLE: ownBundle };
    api = await startTestApi(world.environment({ OKTA_VALIDATION: validation, ...embedded }));
  });

  afterAll(async () => {
    await api.close();
    await world.close();
  });

  async function lineFor(target: string, token?: string) {
    const before = api.decisions().length;
    const headers = token === undefined ? [traceparent] : [traceparent, bearer(token)];
    const answer = await send(api.port, { target, headers });
    const lines = api.decisions().slice(before);
    expect(lines).toHaveLength(1);
    return { answer, line: lines[0] };
  }

  /** What every line holds, whatever became of the request. */
  const common = {
    level: 30,
    msg: 'decision',
    time: any(Number),
    decisionId: uuid,
    validation,
    engine: 'embedded',
    decisionPath: 'demoapi/authz/decision',
    revision: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown,
    method: 'GET',
    traceId,
  };

  it('tells of a request that was let in who it was, what was decided, and how long each step took', async () => {
    const token = await world.token({ jti: 'AT.line', sub: 'roach@example.test' });
    const { line } = await lineFor('/sayhello?x=1', token);
    expect(line).toEqual({
      ...common,
      outcome: 'allow',
      code: 'ok',
      reason: 'the scope opens this route',
      api: '/sayhello',
      route: '/sayhello',
      tokenHash: expect.stringMatching(/^[\w-]{16}$/) as unknown,
      jti: 'AT.line',
      cid: '0oaTestClient',
      sub: 'roach@example.test',
      tokenCached: false,
      decisionCached: false,
      tokenMs: any(Number),
      policyMs: any(Number),
    });
  });

  it('tells of a denial the same, and has the id that the client was given', async () => {
    const { answer, line } = await lineFor('/saysecret', await world.token());
    expect(line).toMatchObject({
      ...common,
      outcome: 'deny',
      code: 'denied',
      reason: 'the scope is missing',
    });
    expect(json(answer).decisionId).toBe(line?.decisionId);
  });

  it('tells of a request without a token that it came no further', async () => {
    const { line } = await lineFor('/sayhello');
    const nobody = { tokenHash: null, jti: null, cid: null, sub: null, tokenMs: null, policyMs: null };
    expect(line).toMatchObject({ ...common, outcome: 'unauthenticated', code: 'missing', ...nobody });
  });

  it('tells tokens apart and the same token again', async () => {
    const [one, other] = [await world.token(), await world.token()];
    const lines = [];
    for (const token of [one, other, one]) lines.push((await lineFor('/sayhello', token)).line);
    const [first, second, third] = lines.map((line) => line?.tokenHash);
    expect(first).not.toBe(second);
    expect(third).toBe(first);
    expect(lines.map((line) => line?.tokenCached)).toEqual([false, false, validation === 'local']);
  });

  it('tells a decision that was remembered from one that was asked for', async () => {
    const token = await world.token();
    const cached = [];
    for (const path of ['/sayhello', '/sayhello', '/sayhello', '/saysecret', '/saysecret'])
      cached.push((await lineFor(path, token)).line?.decisionCached);
    // The first time that a token is seen, it may well be the last.
    const local = [false, false, true, false, true];
    expect(cached).toEqual(validation === 'local' ? local : local.map(() => false));
  });
});
