import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerRows } from '../api/support/answer-rows.js';
import { bearer, get, send, sendBytes } from '../support/api-client.js';
import type { Answer, RawRequest } from '../support/api-client.js';
import { endNow, listening, runMain } from '../support/api-process.js';
import type { ListeningApi } from '../support/api-process.js';
import { startApiWorld } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';
import type { Misbehaviour } from '../support/misbehaviours.js';
import { testClientSecret } from '../support/okta-stand-in.js';
import { testClientId } from '../support/tokens.js';

const faults: readonly Misbehaviour[] = [
  'refused',
  'status 500',
  'html',
  'broken JSON',
  'reset mid-body',
  'silent',
];

const basicCredentials = Buffer.from(`${testClientId}:${testClientSecret}`).toString('base64');

/** Short, so that upstreams that say nothing do not hold the test. */
const impatient = { OKTA_TIMEOUT_MS: '500', OPA_TIMEOUT_MS: '500' };

describe.each(['local', 'remote', 'both'])('everything that an API writes, in %s mode', (validation) => {
  const tokens: string[] = [];
  let guardedRequests = 0;
  let world: ApiWorld;
  let api: ListeningApi;
  let pages = '';

  async function request(what: RawRequest): Promise<Answer> {
    return send(api.port, what);
  }

  async function hello(more: Partial<RawRequest> = {}): Promise<Answer> {
    const token = await world.token({ scp: ['read_sayhello', 'needle'] });
    tokens.push(token);
    guardedRequests++;
    return request({ target: '/sayhello', ...more, headers: [...(more.headers ?? []), bearer(token)] });
  }

  /** One request for each case of the contract. */
  async function askEverything(): Promise<void> {
    for (const row of answerRows) {
      const what = await row.request(world);
      tokens.push(...tokensIn(what));
      const { logged } = typeof row.answer === 'function' ? row.answer('local') : row.answer;
      if (logged !== undefined) guardedRequests++;
      await request(what);
    }
  }

  /** Upstreams that fail in many ways, and one that gives back what it was sent. */
  async function askInTrouble(): Promise<void> {
    for (const fault of faults) {
      await world.opa.misbehave(fault);
      await hello();
      await world.opa.misbehave('well');
      await world.okta.misbehave(fault);
      await hello();
      await world.okta.misbehave('well');
    }
    const [whole, payload] = [/^.*$/, /eyJ[^.]*(?=\.[^.]*$)/];
    for (const part of [whole, payload]) {
      // As much of it as a reason may be long.
      const reason = (token: string) => part.exec(token)?.[0].slice(0, 250);
      world.opa.decidesBy(({ input }) => ({ allow: false, reason: reason(input.jwt.tokenValue) }));
      await hello();
    }
    world.opa.decidesBy(({ input }) => ({ allow: input.jwt.tokenValue }));
    await hello();
    world.opa.decidesBy();
  }

  async function askOddly(): Promise<void> {
    const token = await world.token();
    tokens.push(token);
    for (const target of [`/${token}`, `/sayhello/${token}`, `/%zz${token}`, `/?token=${token}`])
      await get(api.port, target);
    await sendBytes(
      api.port,
      `GET /sayhello HTTP/1.1\r\nAuthorization: Bearer ${token}\n\r\nx: ${token}\r\n\r\n`,
    );
    await sendBytes(api.port, `BEARER ${token} HTTP/1.1\r\n\r\n`);
    await hello({ headers: [['traceparent', token]] });
    await hello({
      headers: [
        ['cookie', token],
        ['x-api-key', token],
        ['user-agent', token],
      ],
    });
    await get(api.managementPort, `/metrics?token=${token}`);
  }

  beforeAll(async () => {
    world = await startApiWorld();
    const settings = { OKTA_VALIDATION: validation, LOG_LEVEL: 'trace', ...impatient };
    api = await listening(runMain(world.environment(settings)));
    await askEverything();
    await askInTrouble();
    await askOddly();
    for (const path of ['/metrics', '/health/ready', '/health/live'])
      pages += (await get(api.managementPort, path)).body;
    api.process.kill('SIGTERM');
    await api.ended;
  });

  afterAll(async () => {
    await endNow(api);
    await world.close();
  });

  it('holds no token and no part of one', () => {
    const parts = tokens.flatMap((token) => [token, ...token.split('.').filter((part) => part.length > 20)]);
    const written = api.output.stdout + api.output.stderr + pages;
    // The header is the same for every token and no secret; `eyJ` begins each payload.
    expect(new Set(parts).size).toBeGreaterThan(50);
    expect(parts.filter((part) => written.includes(part))).toEqual([]);
    expect(written).not.toMatch(/eyJ[\w-]{5}/);
  });

  it('holds no secret and no credentials of this service', () => {
    const written = api.output.stdout + api.output.stderr + pages;
    for (const secret of [testClientSecret, basicCredentials, 'dXNlcjpwYXNz'])
      expect(written).not.toContain(secret);
    expect(written).not.toMatch(/(bearer|basic) [\w.~+/=-]{8}/i);
  });

  it('is one decision line for each guarded request', () => {
    const decisions = api.log().filter(({ msg }) => msg === 'decision');
    expect(decisions).toHaveLength(guardedRequests);
    expect(new Set(decisions.map(({ decisionId }) => decisionId)).size).toBe(guardedRequests);
  });
});

function tokensIn({ target, headers = [] }: RawRequest): string[] {
  const texts = [target, ...headers.map(([, value]) => value)];
  return texts.flatMap((text) => text.match(/[\w-]{20,}\.[\w-]{20,}\.[\w-]+/g) ?? []);
}
