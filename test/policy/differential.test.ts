import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorText } from '../../src/base/error-text.js';
import type { PolicyOutcome } from '../../src/policy/decision.js';
import { decodeJwt } from '../../src/policy/jwt-decode.js';
import { createOpaWasmEngine } from '../../src/policy/opa-wasm-engine.js';
import type { PolicyEngine } from '../../src/policy/policy-engine.js';
import { serializeHttpInput } from '../../src/policy/policy-input.js';
import { buildBundle, describeWithOpa } from '../support/opa.js';
import { exactJson } from './support/exact-json.js';
import { generatedRequests, tokenTexts } from './support/generated-requests.js';
import type { GeneratedRequest } from './support/generated-requests.js';
import { fixture, startOpa } from './support/real-opa.js';
import type { RunningOpa } from './support/real-opa.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Questions for each policy; `DIFFERENTIAL_RUNS=1000000` is the long mode. */
const runs = Number(process.env.DIFFERENTIAL_RUNS ?? 3000);
/** Questions asked at once, so that thousands take seconds. */
const atOnce = 50;
const longModeMs = 10 * 60 * 60_000;

const ours = join(import.meta.dirname, '../../policies');

interface ComparedPolicy {
  readonly name: string;
  readonly path: string;
  /** What OPA runs on, after `opa run`. */
  readonly sources: readonly string[];
  /** The bundle for the embedded engine, where it is not built from the sources. */
  readonly bundle?: string;
  /** Every kind of outcome that the generated questions must have led to. */
  readonly outcomes: readonly string[];
}

const policies: readonly ComparedPolicy[] = [
  {
    name: "the article's policy",
    path: 'demoapi/authz/allow',
    sources: ['--v0-compatible', fixture('article-v0.rego')],
    outcomes: ['allow', 'deny'],
  },
  {
    name: 'our policy, bare',
    path: 'demoapi/authz/allow',
    sources: ['--bundle', join(ours, 'bundle.rego.tar.gz')],
    bundle: join(ours, 'bundle.tar.gz'),
    outcomes: ['allow', 'deny'],
  },
  {
    name: 'our policy, with reasons',
    path: 'demoapi/authz/decision',
    sources: ['--bundle', join(ours, 'bundle.rego.tar.gz')],
    bundle: join(ours, 'bundle.tar.gz'),
    outcomes: ['allow', 'deny'],
  },
  {
    name: 'a policy that answers what the token says',
    path: 'claims/decision',
    sources: [fixture('claims.rego')],
    outcomes: ['allow', 'deny', 'undefined', 'misshapen'],
  },
];

describeWithOpa('the same policy in a sidecar and embedded', (opa) => {
  describe.each(policies)('$name', ({ path, sources, bundle, outcomes }) => {
    const { path: folder, remove } = temporaryFolder();
    let sidecar: RunningOpa;
    let embedded: PolicyEngine;

    beforeAll(async () => {
      const bundlePath = bundle ?? join(folder, 'bundle.tar.gz');
      if (bundle === undefined) {
        writeFileSync(bundlePath, buildBundle(opa, '--target', 'wasm', '--entrypoint', path, ...sources));
      }
      const engine = await createOpaWasmEngine({ bundlePath, onWarning: () => undefined, watch: false });
      if (!engine.ok) throw new Error(engine.reason);
      embedded = engine.value;
      sidecar = await startOpa(opa, path, ...sources);
    });

    afterAll(async () => {
      await sidecar.close();
      remove();
    });

    const title = `decides alike, whatever the request and the token (${runs} generated)`;
    it(title, { timeout: longModeMs }, async () => {
      const seen = new Set<string>();
      const compare = async ({ request, token }: GeneratedRequest): Promise<void> => {
        const input = serializeHttpInput(request, token);
        const inProcess = await embedded.decide(input, path);
        const overHttp = await sidecar.engine.decide(input, path);
        seen.add(kindOf(inProcess));
        if (isDeepStrictEqual(verdict(inProcess), verdict(overHttp))) return;
        throw new Error(`embedded ${said(inProcess)}, sidecar ${said(overHttp)}: ${input.slice(0, 2000)}`);
      };
      expect(await firstDifference(generatedRequests, compare)).toBe('none');
      expect([...seen].sort()).toEqual([...outcomes].sort());
    });
  });

  describe('io.jwt.decode', () => {
    let sidecar: RunningOpa;

    beforeAll(async () => {
      sidecar = await startOpa(opa, 'claims/decoded', fixture('claims.rego'));
    });

    afterAll(() => sidecar.close());

    const title = `decodes to the very same digits and characters (${runs} generated tokens)`;
    it(title, { timeout: longModeMs }, async () => {
      let decoded = 0;
      const compare = async (token: string): Promise<void> => {
        const ours = decodeJwt(token);
        const answer = await sidecar.ask(
          'claims/decoded',
          JSON.stringify({ jwt: { tokenValue: token.toWellFormed() } }),
        );
        const theirs = (exactJson(answer) as { result?: unknown }).result;
        if (ours !== undefined) decoded++;
        if (isDeepStrictEqual(ours && exactJson(Buffer.from(ours).toString()), theirs)) return;
        throw new Error(
          `here ${ours && Buffer.from(ours).toString()}, OPA ${answer}: ${token.slice(0, 2000)}`,
        );
      };
      expect(await firstDifference(tokenTexts, compare)).toBe('none');
      expect(decoded).toBeGreaterThan(runs / 4);
    });
  });
});

/** Compares generated questions until one makes a difference; its text, with the seed to generate it again. */
async function firstDifference<T>(
  questions: fc.Arbitrary<T>,
  compare: (one: T) => Promise<void>,
): Promise<string> {
  const batches = fc.array(questions, { minLength: atOnce, maxLength: atOnce });
  const property = fc.asyncProperty(batches, async (batch) => {
    await Promise.all(batch.map(compare));
  });
  // Shrinking a batch takes long, and the message already shows the one question in it that matters.
  const result = await fc.check(property, { numRuns: Math.ceil(runs / atOnce), endOnFailure: true });
  return result.failed ? `seed ${result.seed}: ${errorText(result.errorInstance)}` : 'none';
}

/** What both engines must agree on: the decision, or the kind of its absence. */
function verdict(outcome: PolicyOutcome): unknown {
  return outcome.ok ? outcome.value : outcome.code;
}

function kindOf(outcome: PolicyOutcome): string {
  if (!outcome.ok) return outcome.code;
  return outcome.value.allow ? 'allow' : 'deny';
}

function said(outcome: PolicyOutcome): string {
  return JSON.stringify(outcome.ok ? outcome.value : { code: outcome.code, reason: outcome.reason });
}
