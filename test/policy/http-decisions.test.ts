import { describe, expect, it } from 'vitest';
import { FailureCounts } from '../../src/base/failure-counts.js';
import { accept, refuse } from '../../src/base/outcome.js';
import type { PolicyOutcome } from '../../src/policy/decision.js';
import { HttpDecisions } from '../../src/policy/http-decisions.js';
import type { HttpQuestion } from '../../src/policy/http-decisions.js';
import type { PolicyEngine } from '../../src/policy/policy-engine.js';
import type { VerifiedToken } from '../../src/token/principal.js';

interface CountingEngine extends PolicyEngine {
  generation?: number;
  /** Every input and path that it was asked about. */
  readonly asked: string[];
}

/** Allows, and says of each decision the how manieth it is. */
function countingEngine(
  changes: { generation?: number; answer?: () => PolicyOutcome | Promise<PolicyOutcome> } = { generation: 0 },
): CountingEngine {
  const asked: string[] = [];
  const answer = changes.answer ?? (() => accept({ allow: true, reason: `decision ${asked.length}` }));
  return {
    mode: 'embedded',
    ...('generation' in changes ? { generation: changes.generation } : {}),
    asked,
    decide: (input, path) => {
      asked.push(`${path} ${input}`);
      return answer();
    },
    probe: () => Promise.resolve(accept(null)),
    revision: () => 'r1',
    failures: new FailureCounts('opa'),
    close: () => Promise.resolve(),
  };
}

function verified(sub = 'roach'): VerifiedToken {
  const principal = { sub, cid: '0oa1', uid: null, scopes: [], claims: {}, validation: 'local' } as const;
  return { principal, tokenHash: 'h', jti: null, expiresAt: 1 };
}

const token = verified();
const question: HttpQuestion = {
  request: {
    method: 'GET',
    api: '/orders/7',
    route: '/orders/:id',
    params: { id: '7' },
    tokenValue: 'eyJ.eyJ.sig',
  },
  token,
  decisionPath: 'orders/authz/allow',
  isKnownToken: true,
};

describe('a decision about a known token', () => {
  it('is remembered: the engine is asked once', () => {
    const engine = countingEngine();
    const decisions = new HttpDecisions(engine);
    expect(decisions.recall(question)).toBeUndefined();
    const decided = decisions.ask(question);
    expect(decisions.recall(question)).toBe(decided);
    expect(engine.asked).toHaveLength(1);
  });

  const { request } = question;
  it.each<[string, Partial<HttpQuestion>]>([
    ['another method', { request: { ...request, method: 'HEAD' } }],
    ['another path', { request: { ...request, api: '/orders/8' } }],
    ['another route', { request: { ...request, route: '/orders/:number' } }],
    ['other parameters', { request: { ...request, params: { id: '8' } } }],
    ['no parameters', { request: { ...request, params: {} } }],
    ['another decision', { decisionPath: 'orders/admin/allow' }],
    ['an equal token that was verified anew', { token: verified() }],
  ])('says nothing of %s', (_, change) => {
    const decisions = new HttpDecisions(countingEngine());
    void decisions.ask(question);
    expect(decisions.recall({ ...question, ...change })).toBeUndefined();
  });

  it('is worth nothing once the policy has changed', () => {
    const engine = countingEngine();
    const decisions = new HttpDecisions(engine);
    void decisions.ask(question);
    engine.generation = 1;
    expect(decisions.recall(question)).toBeUndefined();
    void decisions.ask(question);
    expect(decisions.recall(question)).toMatchObject({ value: { reason: 'decision 2' } });
  });

  it('is forgotten with the others when a token collects too many', () => {
    const decisions = new HttpDecisions(countingEngine());
    const about = (id: number) => ({ ...question, request: { ...request, api: `/orders/${id}` } });
    for (let id = 0; id < 1000; id++) void decisions.ask(about(id));
    const remembered = Array.from({ length: 1000 }, (_, id) => decisions.recall(about(id)));
    expect(remembered.filter((decision) => decision !== undefined).length).toBeLessThanOrEqual(16);
    expect(remembered.at(-1)).toBeDefined();
  });
});

describe('nothing is remembered', () => {
  it.each<[string, Parameters<typeof countingEngine>[0], Partial<HttpQuestion>]>([
    ['of a token that was not here before', { generation: 0 }, { isKnownToken: false }],
    [
      'of a path longer than any that is asked for often',
      { generation: 0 },
      { request: { ...question.request, api: `/${'x'.repeat(256)}` } },
    ],
    ['of an engine that has to be asked each time', {}, {}],
    ['of a failure', { generation: 0, answer: () => refuse('unavailable', 'trap') }, {}],
    ['of an undefined decision', { generation: 0, answer: () => refuse('undefined', 'nothing there') }, {}],
    [
      'of an answer that is on its way',
      { generation: 0, answer: () => Promise.resolve(accept({ allow: true })) },
      {},
    ],
  ])('%s', async (_, engine, change) => {
    const decisions = new HttpDecisions(countingEngine(engine));
    const asked = { ...question, ...change };
    await decisions.ask(asked);
    expect(decisions.recall(asked)).toBeUndefined();
  });
});
