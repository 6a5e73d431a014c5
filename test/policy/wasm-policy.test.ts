import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readBundle } from '../../src/policy/bundle.js';
import { libraryBuiltins } from '../../src/policy/opa-wasm-library.js';
import { WasmPolicy } from '../../src/policy/wasm-policy.js';
import { makeBundle, ownBundleFiles } from './support/make-bundle.js';

const path = 'demoapi/authz/allow';
const smallInput = '{"method":"GET","route":"/sayhello","principal":{"scopes":["read_sayhello"]}}';
/** Small as text, large once it is parsed. */
const growingInput = `{"x":[${'[],'.repeat(80_000)}[]]}`;

async function load(
  files: Readonly<Record<string, string | Buffer>> = ownBundleFiles(),
): Promise<WasmPolicy> {
  const bundle = await readBundle(makeBundle(files));
  if (!bundle.ok) throw new Error(bundle.reason);
  const policy = await WasmPolicy.load(bundle.value);
  if (!policy.ok) throw new Error(policy.reason);
  return policy.value;
}

describe('a policy in WASM', () => {
  let policy: WasmPolicy;
  let entrypoint: number;

  beforeEach(async () => {
    policy = await load();
    entrypoint = policy.entrypoint(path) ?? -1;
  });

  it('uses one instance for usual inputs', () => {
    for (let round = 0; round < 10_000; round++) policy.evaluate(smallInput, entrypoint);
    expect(policy.instances).toBe(1);
  });

  it('replaces an instance whose memory an input made grow', () => {
    policy.evaluate(growingInput, entrypoint);
    expect(policy.evaluate(smallInput, entrypoint)).toBe(true);
    expect(policy.instances).toBe(2);
    policy.evaluate(smallInput, entrypoint);
    expect(policy.instances).toBe(2);
  });

  it('replaces an instance that threw', () => {
    expect(() => policy.evaluate(smallInput, 99)).toThrow();
    expect(policy.evaluate(smallInput, entrypoint)).toBe(true);
    expect(policy.instances).toBe(2);
  });

  it('keeps its instance where it is the base documents that are large', async () => {
    const routes = { '/sayhello': { GET: ['read_sayhello'] } };
    const padding = Array.from({ length: 200_000 }, (_, index) => `padding ${index}`);
    policy = await load({
      ...ownBundleFiles(),
      'data.json': JSON.stringify({ demoapi: { routes }, padding }),
    });
    entrypoint = policy.entrypoint(path) ?? -1;
    for (let round = 0; round < 10; round++) expect(policy.evaluate(smallInput, entrypoint)).toBe(true);
    expect(policy.instances).toBe(1);
  });

  it('keeps its memory bounded however many instances it went through', () => {
    for (let round = 0; round < 300; round++) policy.evaluate(growingInput, entrypoint);
    const megabytes = process.memoryUsage().rss / 1024 / 1024;
    expect(policy.instances).toBeGreaterThanOrEqual(300);
    expect(megabytes).toBeLessThan(1024);
  });
});

describe("the library's built-ins", () => {
  it('are those that its sources define', () => {
    const sources = join(import.meta.dirname, '../../node_modules/@open-policy-agent/opa-wasm/src/builtins');
    const text = ['json', 'regex', 'strings', 'yaml'].map((name) =>
      readFileSync(join(sources, `${name}.js`), 'utf8'),
    );
    const exported = text.flatMap((source) => /module\.exports = \{([^]*)\}/.exec(source)?.[1] ?? '');
    const names = exported.flatMap((body) => [...body.matchAll(/"([a-z_]+\.[a-z_]+)":|\b(sprintf)\b/g)]);
    expect(new Set(names.map(([, quoted, bare]) => quoted ?? bare))).toEqual(libraryBuiltins);
  });
});
