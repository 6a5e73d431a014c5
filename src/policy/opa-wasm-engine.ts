import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { errorText } from '../base/error-text.js';
import { FileWatch, stateOf } from '../base/file-watch.js';
import { FailureCounts } from '../base/failure-counts.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';
import { maxBundleBytes, readBundle } from './bundle.js';
import { toDecision } from './decision-result.js';
import type { NoDecision, PolicyOutcome } from './decision.js';
import type { PolicyEngine } from './policy-engine.js';
import { maxInputLength, probeInput } from './policy-input.js';
import { WasmPolicy } from './wasm-policy.js';

export interface OpaWasmEngineOptions {
  /** Bundle built by `opa build -t wasm`, with every decision path as an entrypoint. */
  readonly bundlePath: string;
  /** Told when a changed bundle can't be taken into use; the one before stays in force. */
  onWarning(message: string): void;
  /** Take a changed bundle file into use; true by default. */
  readonly watch?: boolean;
}

/** A policy with the hash of the bundle it came from. */
interface LoadedBundle {
  readonly policy: WasmPolicy;
  readonly digest: string;
}

/** Evaluates the WASM of a bundle in this process. Decides at once, without a promise. */
export class OpaWasmEngine implements PolicyEngine {
  readonly mode = 'embedded';
  /** Empty: nothing is called. */
  readonly failures = new FailureCounts('opa');
  /** The built-ins that are supplied know neither clock nor network nor chance. */
  generation = 0;
  readonly #options: OpaWasmEngineOptions;
  #inForce: LoadedBundle;
  #watch: FileWatch | undefined;

  constructor(inForce: LoadedBundle, options: OpaWasmEngineOptions) {
    this.#inForce = inForce;
    this.#options = options;
  }

  decide(inputJson: string, decisionPath: string): PolicyOutcome {
    if (inputJson.length > maxInputLength) return refuse('unavailable', 'the policy input is too large');
    const { policy } = this.#inForce;
    const entrypoint = policy.entrypoint(decisionPath);
    if (entrypoint === undefined) return noEntrypoint(decisionPath, policy);
    try {
      return toDecision(policy.evaluate(inputJson, entrypoint));
    } catch (thrown) {
      return refuse('unavailable', `the evaluation broke off: ${trapText(thrown)}`, { retryAfterSeconds: 1 });
    }
  }

  probe(decisionPath: string): Promise<Outcome<null, NoDecision>> {
    const decision = this.decide(probeInput, decisionPath);
    return Promise.resolve(decision.ok ? accept(null) : decision);
  }

  revision(): string | null {
    return this.#inForce.policy.revision;
  }

  /** Paths of the decisions that the bundle in force can be asked for. */
  entrypoints(): readonly string[] {
    return this.#inForce.policy.entrypoints();
  }

  async close(): Promise<void> {
    await this.#watch?.close();
  }

  /** Takes changes of the bundle file into use from now on. */
  startWatching(state: string): void {
    this.#watch = new FileWatch({
      paths: [this.#options.bundlePath],
      state,
      onChange: () => this.#reload(),
      onFailure: (reason) => {
        this.#options.onWarning(`${reason}; revision ${this.revision() ?? 'unknown'} stays in force`);
      },
    });
  }

  #takeIntoForce(bundle: LoadedBundle): void {
    if (bundle === this.#inForce) return;
    this.#inForce = bundle;
    this.generation++;
  }

  async #reload(): Promise<Outcome<unknown, string>> {
    const loaded = await loadBundle(this.#options.bundlePath, this.#inForce);
    if (loaded.ok) this.#takeIntoForce(loaded.value);
    return loaded;
  }
}

/**
 * An engine on the bundle at `bundlePath`.
 *
 * @returns `unusable_bundle`, with the file and what is wrong with it, when the bundle can't be read, has no WASM, or
 *   needs a built-in that is not supplied
 */
export async function createOpaWasmEngine(
  options: OpaWasmEngineOptions,
): Promise<Outcome<OpaWasmEngine, 'unusable_bundle'>> {
  // Looked at before the file is read: a change in between is then seen as one.
  const state = await stateOf([options.bundlePath]);
  const loaded = await loadBundle(options.bundlePath);
  if (!loaded.ok) return loaded;
  const engine = new OpaWasmEngine(loaded.value, options);
  if (options.watch ?? true) engine.startWatching(state);
  return accept(engine);
}

/** @param known returned as it is when the file still holds the very same bytes */
async function loadBundle(
  path: string,
  known?: LoadedBundle,
): Promise<Outcome<LoadedBundle, 'unusable_bundle'>> {
  const packed = await readBounded(path);
  if (!packed.ok) return unusable(path, packed);
  const digest = createHash('sha256').update(packed.value).digest('hex');
  if (digest === known?.digest) return accept(known);
  const bundle = await readBundle(packed.value);
  if (!bundle.ok) return unusable(path, bundle);
  const policy = await WasmPolicy.load(bundle.value);
  return policy.ok ? accept({ policy: policy.value, digest }) : unusable(path, policy);
}

async function readBounded(path: string): Promise<Outcome<Buffer, 'unusable_bundle'>> {
  try {
    const { size } = await stat(path);
    if (size > maxBundleBytes) return refuse('unusable_bundle', `it is larger than ${maxBundleBytes} bytes`);
    return accept(await readFile(path));
  } catch (cause) {
    return refuse('unusable_bundle', errorText(cause), { cause });
  }
}

function unusable(
  path: string,
  { code, reason, cause }: Refused<'unusable_bundle'>,
): Refused<'unusable_bundle'> {
  return refuse(code, `the policy bundle ${path} can't be used: ${reason}`, { cause });
}

function noEntrypoint(decisionPath: string, policy: WasmPolicy): PolicyOutcome {
  const known = policy.entrypoints().join(', ');
  return refuse('undefined', `${decisionPath} is no entrypoint of the bundle; it has: ${known}`);
}

const maxTrapText = 200;

/** `opa_abort` throws its own fixed texts as strings. Anything else might quote the input and is named only. */
function trapText(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown.slice(0, maxTrapText);
  return thrown instanceof Error ? thrown.name : 'a built-in failed';
}
