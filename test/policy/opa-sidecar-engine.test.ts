import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createOpaSidecarEngine, parseOpaUrl } from '../../src/policy/opa-sidecar-engine.js';
import type { OpaSidecarEngine } from '../../src/policy/opa-sidecar-engine.js';
import { maxInputLength } from '../../src/policy/policy-input.js';
import { sendJson, startMisbehavingServer } from '../support/misbehaving-server.js';
import type { MisbehavingServer, StandInAnswer } from '../support/misbehaving-server.js';
import type { Misbehaviour } from '../support/misbehaviours.js';

const timeoutMs = 250;
const path = 'demoapi/authz/allow';
const input = '{"method":"GET"}';

describe('the sidecar engine', () => {
  let answer: StandInAnswer;
  let opa: MisbehavingServer;
  let engine: OpaSidecarEngine;

  function answerWith(status: number, value: unknown): void {
    answer = (_, response) => {
      sendJson(response, status, value);
    };
  }

  beforeEach(async () => {
    answerWith(200, { result: true });
    opa = await startMisbehavingServer((request, response) => {
      answer(request, response);
    });
    const url = parseOpaUrl(`${opa.origin}/v1/data/${path}`);
    if (!url.ok) throw new Error(url.reason);
    engine = createOpaSidecarEngine({ url: url.value, timeoutMs });
  });

  afterEach(async () => {
    await engine.close();
    await opa.close();
  });

  it('posts the input to the decision, as JSON and without a query', async () => {
    expect(await engine.decide(input, path)).toEqual({ ok: true, value: { allow: true } });
    expect(opa.requests).toMatchObject([
      {
        method: 'POST',
        url: `/v1/data/${path}`,
        body: `{"input":${input}}`,
        headers: { 'content-type': 'application/json' },
      },
    ]);
  });

  it('asks for the decision that a route names', async () => {
    await engine.decide(input, 'other/decision path');
    expect(opa.requests).toMatchObject([{ url: '/v1/data/other/decision%20path' }]);
  });

  it.each([
    { answered: { result: false }, outcome: { ok: true, value: { allow: false } } },
    {
      answered: { decision_id: '4ca6', result: { allow: false, reason: 'r', scope: 's' } },
      outcome: { ok: true, value: { allow: false, reason: 'r', scope: 's' } },
    },
    { answered: {}, outcome: { ok: false, code: 'undefined' } },
    { answered: { decision_id: '4ca6' }, outcome: { ok: false, code: 'undefined' } },
    { answered: { result: null }, outcome: { ok: false, code: 'misshapen' } },
    { answered: { result: 'true' }, outcome: { ok: false, code: 'misshapen' } },
    { answered: { result: { allow: 1 } }, outcome: { ok: false, code: 'misshapen' } },
    { answered: { code: 'internal_error', message: 'm' }, outcome: { ok: false, code: 'unavailable' } },
    { answered: { code: 'internal_error', result: true }, outcome: { ok: false, code: 'unavailable' } },
    { answered: true, outcome: { ok: false, code: 'unavailable' } },
    { answered: [{ result: true }], outcome: { ok: false, code: 'unavailable' } },
  ])('takes $answered for $outcome', async ({ answered, outcome }) => {
    answerWith(200, answered);
    expect(await engine.decide(input, path)).toMatchObject(outcome);
  });

  it.each([400, 401, 404, 500, 503])(
    'is unavailable when OPA answers with status %i, whatever the body',
    async (status) => {
      answerWith(status, { result: true });
      expect(await engine.decide(input, path)).toMatchObject({
        ok: false,
        code: 'unavailable',
        retryAfterSeconds: 1,
      });
    },
  );

  it.each([
    { how: 'refused', failure: 'unreachable' },
    { how: 'silent', failure: 'timeout' },
    { how: 'reset mid-body', failure: 'broken' },
    { how: 'drip', failure: 'timeout' },
    { how: 'status 500', failure: 'status' },
    { how: 'status 429', failure: 'rate_limited' },
    { how: 'redirect', failure: 'redirect' },
    { how: 'html', failure: 'misshapen' },
    { how: 'broken JSON', failure: 'misshapen' },
    { how: 'huge body', failure: 'oversized' },
    { how: 'gzip bomb', failure: 'misshapen' },
  ] as const satisfies readonly { how: Misbehaviour; failure: string }[])(
    'is unavailable when OPA is "$how", counts it as $failure, and decides again after',
    async ({ how, failure }) => {
      await opa.misbehave(how);
      expect(await engine.decide(input, path)).toMatchObject({ ok: false, code: 'unavailable' });
      expect([...engine.failures.entries()]).toEqual([{ upstream: 'opa', failure, count: 1 }]);
      await opa.misbehave('well');
      expect(await engine.decide(input, path)).toMatchObject({ ok: true });
    },
  );

  it('passes on when OPA wants to be asked again', async () => {
    await opa.misbehave('status 429');
    expect(await engine.decide(input, path)).toMatchObject({ code: 'unavailable', retryAfterSeconds: 2 });
  });

  it('asks once more when the connection breaks, as an idle one may when OPA restarts', async () => {
    let calls = 0;
    answer = (_, response) => {
      if (++calls === 1) response.socket?.resetAndDestroy();
      else sendJson(response, 200, { result: true });
    };
    expect(await engine.decide(input, path)).toEqual({ ok: true, value: { allow: true } });
    expect(opa.requests).toHaveLength(2);
    expect([...engine.failures.entries()]).toEqual([]);
  });

  it('gives up when the connection breaks twice', async () => {
    await opa.misbehave((response) => response.destroy());
    expect(await engine.decide(input, path)).toMatchObject({ code: 'unavailable' });
    expect(opa.requests).toHaveLength(2);
  });

  it('sends no input beyond the bound', async () => {
    const outcome = await engine.decide(`"${'x'.repeat(maxInputLength)}"`, path);
    expect(outcome).toMatchObject({ ok: false, code: 'unavailable' });
    expect(opa.requests).toEqual([]);
  });

  it.each(['', '..', 'a//b', 'a/../../policies'])(
    'finds nothing defined at "%s" without asking',
    async (wrong) => {
      expect(await engine.decide(input, wrong)).toMatchObject({ ok: false, code: 'undefined' });
      expect(await engine.probe(wrong)).toMatchObject({ ok: false, code: 'undefined' });
      expect(opa.requests).toEqual([]);
    },
  );

  it('never puts the input into a reason', async () => {
    await opa.misbehave('html');
    expect(JSON.stringify(await engine.decide('{"jwt":"eyJsecret"}', path))).not.toContain('eyJsecret');
  });

  describe('when it is probed', () => {
    it('asks for provenance, with an input that belongs to nobody', async () => {
      await engine.probe(path);
      expect(opa.requests).toMatchObject([{ method: 'POST', url: `/v1/data/${path}?provenance=true` }]);
      expect(opa.requests[0]?.body).toContain('"tokenValue":""');
    });

    it.each([
      { what: 'a decision', answered: { result: false }, outcome: { ok: true, value: null } },
      { what: 'nothing', answered: {}, outcome: { ok: false, code: 'undefined' } },
      { what: 'no decision', answered: { result: [] }, outcome: { ok: false, code: 'misshapen' } },
      { what: 'an error', answered: { code: 'x' }, outcome: { ok: false, code: 'unavailable' } },
    ])('and OPA answers $what, says so', async ({ answered, outcome }) => {
      answerWith(200, answered);
      expect(await engine.probe(path)).toMatchObject(outcome);
    });

    it.each([
      { what: 'nothing', provenance: undefined, revision: null },
      { what: 'no bundle', provenance: { version: '1.22.2' }, revision: null },
      { what: 'one bundle', provenance: { bundles: { authz: { revision: 'abc' } } }, revision: 'abc' },
      {
        what: 'a bundle without revision',
        provenance: { bundles: { authz: { revision: '' } } },
        revision: null,
      },
      {
        what: 'two bundles',
        provenance: { bundles: { b: { revision: '2' }, a: { revision: '1' }, c: {} } },
        revision: 'a=1,b=2',
      },
      { what: 'an old OPA', provenance: { revision: 'old' }, revision: 'old' },
      { what: 'nonsense', provenance: { bundles: [7] }, revision: null },
    ])('learns the revision from provenance of $what', async ({ provenance, revision }) => {
      answerWith(200, { result: true, provenance });
      expect(engine.revision()).toBeNull();
      await engine.probe(path);
      expect(engine.revision()).toBe(revision);
    });

    it('forgets the revision when OPA is gone', async () => {
      answerWith(200, { result: true, provenance: { bundles: { authz: { revision: 'abc' } } } });
      await engine.probe(path);
      await opa.misbehave('refused');
      expect(await engine.probe(path)).toMatchObject({ ok: false, code: 'unavailable' });
      expect(engine.revision()).toBeNull();
    });
  });

  it('leaves no socket behind when it is closed', async () => {
    await Promise.all(Array.from({ length: 20 }, async () => engine.decide(input, path)));
    await engine.close();
    await vi.waitFor(() => {
      expect(opa.openSockets).toBe(0);
    });
    expect(await engine.decide(input, path)).toMatchObject({ ok: false, code: 'unavailable' });
  });
});
