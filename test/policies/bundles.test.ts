import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundlesOf, policySources, revisionOf } from '../../scripts/lib/policies.mjs';
import { createOpaWasmEngine } from '../../src/policy/opa-wasm-engine.js';
import { describeWithOpa } from '../support/opa.js';
import { copyOfPolicies, policies } from './support.js';

describe('the bundles that are committed', () => {
  it('are built from the policies beside them: their revision is the hash of these', async () => {
    const bundlePath = bundlesOf().wasm;
    const engine = await createOpaWasmEngine({ bundlePath, onWarning: () => undefined, watch: false });
    if (!engine.ok) throw new Error(engine.reason);
    expect(engine.value.revision()).toBe(revisionOf(policySources()));
    await engine.value.close();
  });

  it('get another revision when a rule, its data or the manifest changes, and none from a test', () => {
    const changed = (file: string) => {
      const copy = copyOfPolicies();
      appendFileSync(join(copy, file), '\n');
      return revisionOf(policySources(copy)) !== revisionOf(policySources());
    };
    const sources = ['demoapi/authz/authz.rego', 'demoapi/routes/data.json', '.manifest'];
    expect(sources.map(changed)).toEqual([true, true, true]);
    expect(changed('demoapi/authz/authz_test.rego')).toBe(false);
  });
});

describeWithOpa('npm run policies:build', () => {
  it('makes the committed bundles again, byte for byte, wherever the folder lies', async () => {
    const copy = copyOfPolicies();
    const [committed, rebuilt] = [bundlesOf(), bundlesOf(copy)];
    for (const path of Object.values(rebuilt)) rmSync(path);
    const { code, stdout } = await policies('build', copy);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`revision ${revisionOf(policySources())}`)]);
    expect(readFileSync(rebuilt.wasm).equals(readFileSync(committed.wasm))).toBe(true);
    expect(readFileSync(rebuilt.rego).equals(readFileSync(committed.rego))).toBe(true);
  });

  it('says what the compiler says, with exit code 1', async () => {
    const copy = copyOfPolicies();
    appendFileSync(join(copy, 'demoapi/authz/authz.rego'), '\nallow := nothing\n');
    const { code, stderr } = await policies('build', copy);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/authz\.rego:\d+: rego_unsafe_var_error: var nothing/),
    ]);
  });
});

describeWithOpa('npm run policies:check', () => {
  it('is content with the policies', async () => {
    expect(await policies('check')).toMatchObject({ code: 0, stdout: 'formatted, strict, compiled\n' });
  });

  it.each([
    ['not formatted', '\nx :=   1\n', /not formatted.*\n.*authz\.rego/],
    ['not strict', '\nx := 1 if {\n\tunused := 2\n}\n', /assigned var unused unused/],
  ])('refuses a policy that is %s', async (_, text, message) => {
    const copy = copyOfPolicies();
    appendFileSync(join(copy, 'demoapi/authz/authz.rego'), text);
    const { code, stderr } = await policies('check', copy);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });
});

describeWithOpa('npm run policies:test', () => {
  it('passes with every line covered', async () => {
    const { code, stdout } = await policies('test');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^PASS: \d+\/\d+\ncoverage: 100%\n$/)]);
  });

  it('fails when a rule is not covered, and says where', async () => {
    const copy = copyOfPolicies();
    appendFileSync(join(copy, 'demoapi/authz/authz.rego'), '\nuntested := 1 if input.nothing\n');
    const { code, stderr } = await policies('test', copy);
    expect(code).toBe(1);
    expect(stderr).toMatch(/coverage is 9\d.*%, not 100: .*authz\.rego:\d+/);
  });

  it('fails when a test does', async () => {
    const copy = copyOfPolicies();
    appendFileSync(join(copy, 'demoapi/authz/authz_test.rego'), '\ntest_wrong if false\n');
    const { code, stderr } = await policies('test', copy);
    expect([code, stderr]).toEqual([1, expect.stringContaining('test_wrong: FAIL')]);
  });
});

describe('npm run policies:…', () => {
  it.each([
    [['explode'], 'expected one of check, test, build, push\n'],
    [['build', 'a', 'b'], 'expected one folder of policies, or none for policies/\n'],
  ])('answers %j with one line', async (args, message) => {
    expect(await policies(...args)).toEqual({ code: 1, stdout: '', stderr: message });
  });
});
