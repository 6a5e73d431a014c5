import { writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { maxBundleBytes } from '../../src/policy/bundle.js';
import type { OpaWasmEngine } from '../../src/policy/opa-wasm-engine.js';
import { maxInputLength } from '../../src/policy/policy-input.js';
import { makeBundle, ownBundleAs, ownBundleFiles, ownBundlePath } from './support/make-bundle.js';
import { allowPath, allowedInput, decisionPath, engineBench, inputOf } from './support/engine-bench.js';
import { buildBundle, describeWithOpa } from '../support/opa.js';
import { fixture } from './support/real-opa.js';

describe('the embedded engine', () => {
  const { bundlePath, create, engineOn } = engineBench();

  describe("on the project's bundle", () => {
    let engine: OpaWasmEngine;

    beforeEach(async () => {
      engine = await engineOn(ownBundlePath);
    });

    it('decides at once', () => {
      expect(engine.decide(allowedInput, allowPath)).toEqual({ ok: true, value: { allow: true } });
      expect(engine.decide(inputOf([]), allowPath)).toEqual({ ok: true, value: { allow: false } });
    });

    it('passes on reason and missing scope', () => {
      expect(engine.decide(inputOf([], '/saysecret'), decisionPath)).toMatchObject({
        ok: true,
        value: { allow: false, reason: expect.any(String) as string, scope: expect.any(String) as string },
      });
    });

    it('finds nothing defined at a path that is no entrypoint, and names those that are', async () => {
      const nothing = { ok: false, code: 'undefined', reason: expect.stringContaining(allowPath) as string };
      expect(engine.decide(allowedInput, 'demoapi/authz')).toMatchObject(nothing);
      expect(await engine.probe('demoapi/authz')).toMatchObject(nothing);
    });

    it.each(['constructor', '__proto__', 'toString'])('finds nothing defined at "%s"', (path) => {
      expect(engine.decide(allowedInput, path)).toMatchObject({ ok: false, code: 'undefined' });
    });

    it('is ready where a decision is defined, and knows the revision from the start', async () => {
      expect(await engine.probe(allowPath)).toEqual({ ok: true, value: null });
      expect(engine.revision()).toMatch(/^[0-9a-f]+$/);
      const sql = ['demoapi/sql/allow', 'demoapi/sql/decision'];
      expect(engine.entrypoints().toSorted()).toEqual([allowPath, decisionPath, ...sql]);
    });

    it('is unavailable for an input beyond the bound, and decides the next', () => {
      const tooLarge = `"${'x'.repeat(maxInputLength)}"`;
      expect(engine.decide(tooLarge, allowPath)).toMatchObject({ ok: false, code: 'unavailable' });
      expect(engine.decide(allowedInput, allowPath)).toMatchObject({ ok: true });
    });

    it('decides about the largest input, in the widest characters', () => {
      const claim = '\u20ac'.repeat(maxInputLength - allowedInput.length - 20);
      const input = allowedInput.replace('"claims":{}', `"claims":{"c":"${claim}"}`);
      expect(engine.decide(input, allowPath)).toEqual({ ok: true, value: { allow: true } });
    });

    it('gives the same answer after many odd inputs as before', () => {
      const shapes = ['null', '[]', '""', '7', '{"method":{}}', allowedInput, '{"route":"\\u0000"}'];
      const before = shapes.map((shape) => engine.decide(shape, decisionPath));
      for (let round = 0; round < 20_000; round++)
        for (const shape of shapes) engine.decide(shape, decisionPath);
      expect(shapes.map((shape) => engine.decide(shape, decisionPath))).toEqual(before);
    });
  });

  describe('is not created', () => {
    const own = ownBundleFiles();
    it.each([
      { what: 'a file that is no bundle', bytes: Buffer.from('no bundle'), reason: 'unzipped' },
      { what: 'a bundle cut short', bytes: ownBundleAs('x').subarray(0, 1000), reason: 'unzipped' },
      { what: 'a bundle without WASM', bytes: makeBundle({ 'data.json': '{}' }), reason: 'no policy.wasm' },
      {
        what: 'WASM that is none',
        bytes: makeBundle({ ...own, 'policy.wasm': 'x' }),
        reason: "can't be loaded",
      },
      {
        what: 'WASM of something else',
        bytes: makeBundle({ 'policy.wasm': emptyModule() }),
        reason: "can't be loaded",
      },
      { what: 'a file beyond the bound', bytes: Buffer.alloc(maxBundleBytes + 1), reason: 'larger than' },
    ])('on $what, and says which file', async ({ bytes, reason }) => {
      writeFileSync(bundlePath, bytes);
      const outcome = await create(bundlePath);
      expect(outcome).toMatchObject({ ok: false, code: 'unusable_bundle' });
      expect(outcome).toHaveProperty('reason', expect.stringContaining(reason));
      expect(outcome).toHaveProperty('reason', expect.stringContaining(bundlePath));
    });

    it('on a file that is not there', async () => {
      expect(await create(bundlePath)).toMatchObject({
        ok: false,
        code: 'unusable_bundle',
        reason: expect.stringContaining('ENOENT') as string,
      });
    });
  });

  describeWithOpa('on bundles that OPA builds', (opa) => {
    const entrypoints = ['conflict', 'format', 'range', 'echo'].flatMap((rule) => [
      '--entrypoint',
      `odd/${rule}`,
    ]);

    async function odd(): Promise<OpaWasmEngine> {
      writeFileSync(bundlePath, buildBundle(opa, '--target', 'wasm', ...entrypoints, fixture('odd.rego')));
      return engineOn(bundlePath);
    }

    it('is not created where built-ins are lacking, and names them all', async () => {
      const args = ['--target', 'wasm', '--entrypoint', 'host/allow', fixture('host-builtins.rego')];
      writeFileSync(bundlePath, buildBundle(opa, ...args));
      const outcome = await create(bundlePath);
      expect(outcome).toMatchObject({ ok: false, code: 'unusable_bundle' });
      expect(outcome).toHaveProperty('reason', expect.stringMatching(/http\.send, time\.now_ns$/));
    });

    it('is unavailable where the policy contradicts itself, and decides the next as if nothing had been', async () => {
      const engine = await odd();
      for (let traps = 0; traps < 6000; traps++) {
        const outcome = engine.decide('{"a":1,"b":1}', 'odd/conflict');
        if (outcome.ok || outcome.code !== 'unavailable')
          expect(outcome).toMatchObject({ code: 'unavailable' });
      }
      expect(engine.decide('{"a":1}', 'odd/conflict')).toEqual({ ok: true, value: { allow: true } });
    });

    it("is unavailable where the library's built-in throws, and quotes nothing of the input", async () => {
      const engine = await odd();
      const outcome = engine.decide('{"a":"eyJsecret"}', 'odd/format');
      expect(outcome).toMatchObject({ ok: false, code: 'unavailable', retryAfterSeconds: 1 });
      expect(JSON.stringify(outcome)).not.toContain('eyJsecret');
      expect(engine.decide('{"value":true}', 'odd/echo')).toEqual({ ok: true, value: { allow: true } });
    });

    it('is unavailable where the policy takes more memory than there is, and decides the next', async () => {
      const engine = await odd();
      for (let times = 0; times < 20; times++) {
        expect(engine.decide('{"n":100000000}', 'odd/range')).toMatchObject({
          ok: false,
          code: 'unavailable',
        });
      }
      expect(engine.decide('{"n":10}', 'odd/range')).toEqual({ ok: true, value: { allow: true } });
    });

    it.each([
      { value: 'null', outcome: { code: 'misshapen' } },
      { value: '"true"', outcome: { code: 'misshapen' } },
      { value: '{"allow":true,"reason":"\\u0000"}', outcome: { code: 'misshapen' } },
      {
        value: '{"allow":false,"reason":"für dich"}',
        outcome: { value: { allow: false, reason: 'für dich' } },
      },
    ])('reads the answer $value', async ({ value, outcome }) => {
      const engine = await odd();
      expect(engine.decide(`{"value":${value}}`, 'odd/echo')).toMatchObject(outcome);
    });

    it('finds nothing defined where an entrypoint has no value', async () => {
      const engine = await odd();
      expect(engine.decide('{}', 'odd/echo')).toMatchObject({ ok: false, code: 'undefined' });
      expect(await engine.probe('odd/echo')).toMatchObject({ ok: false, code: 'undefined' });
    });

    it.each(['', '{', '{"value":true', 'nonsense'])('lets nobody in for the input %j', async (input) => {
      const engine = await odd();
      expect(engine.decide(input, 'odd/echo')).toMatchObject({ ok: false });
      expect(engine.decide('{"value":true}', 'odd/echo')).toMatchObject({ ok: true });
    });
  });
});

/** The smallest module: magic number and version, nothing in it. */
function emptyModule(): Buffer {
  return Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
}
