import { errorText } from '../base/error-text.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';
import type { Bundle } from './bundle.js';
import { decodeJwt } from './jwt-decode.js';
import { compileModule, libraryBuiltins, loadPolicySync } from './opa-wasm-library.js';
import type { CompiledModule } from './opa-wasm-library.js';
import { WasmInstance } from './wasm-instance.js';

/** Built-ins that OPA's WASM leaves to its host and that are supplied here, beside the library's. */
const suppliedBuiltins = { 'io.jwt.decode': decodeJwt };

const pageSize = 64 * 1024;
/** Memory that an instance starts with: 2 MiB, enough for usual inputs, so that it seldom grows. */
const initialPages = 32;
/** Growth since its start, in bytes, beyond which an instance is replaced after a decision. */
const maxGrowth = 6 * 1024 * 1024;
/** Memory that decisions may take beside the base documents: 64 MiB. More ends the decision as a trap. */
const decisionPages = 1024;
/** Memory that base documents may take, in times of their JSON text. */
const dataFactor = 32;
/** Pages of 32-bit WASM at most. */
const addressablePages = 65_536;

/**
 * One bundle's policy, ready to evaluate. The module is compiled once; instances of it come and go: one that threw
 * anything is replaced, because its stack may have leaked, and one whose memory grew large is too.
 */
export class WasmPolicy {
  readonly revision: string | null;
  readonly #module: CompiledModule;
  readonly #data: ArrayBuffer;
  readonly #entrypoints: ReadonlyMap<string, number>;
  #instance: WasmInstance | undefined;
  /** Instances made so far, the first included. */
  instances = 0;

  private constructor(bundle: Bundle, module: CompiledModule) {
    this.revision = bundle.revision;
    this.#module = module;
    this.#data = new Uint8Array(bundle.dataJson).buffer;
    const instance = this.#newInstance();
    this.#instance = instance;
    this.#entrypoints = new Map(Object.entries(instance.entrypoints()));
  }

  /**
   * Compiles a bundle's module and makes its first instance.
   *
   * @returns `unusable_bundle` when the module is none, is too old, or needs a built-in that nobody supplies; the
   *   reason names it
   */
  static async load(bundle: Bundle): Promise<Outcome<WasmPolicy, 'unusable_bundle'>> {
    try {
      const policy = new WasmPolicy(bundle, await compileModule(bundle.wasm));
      const missing = policy.#missingBuiltins();
      if (missing.length === 0) return accept(policy);
      return refuse(
        'unusable_bundle',
        `it needs built-ins that the embedded engine lacks: ${missing.join(', ')}`,
      );
    } catch (thrown) {
      return refuse('unusable_bundle', `its policy.wasm can't be loaded: ${errorText(thrown)}`, {
        cause: thrown,
      });
    }
  }

  /** Paths of the decisions that can be asked for. */
  entrypoints(): readonly string[] {
    return [...this.#entrypoints.keys()];
  }

  entrypoint(decisionPath: string): number | undefined {
    return this.#entrypoints.get(decisionPath);
  }

  /**
   * The value at an entrypoint; undefined when nothing is defined there.
   *
   * @param inputJson well-formed JSON, of bounded length
   * @throws whatever the evaluation threw: strings, objects and RuntimeErrors; the next call works again
   */
  evaluate(inputJson: string, entrypoint: number): unknown {
    const instance = (this.#instance ??= this.#newInstance());
    this.#instance = undefined;
    const result = instance.evaluate(inputJson, entrypoint);
    // Only an instance that did not throw, and did not grow too large, is there for the next call.
    if (instance.grownBytes <= maxGrowth) this.#instance = instance;
    return result;
  }

  #newInstance(): WasmInstance {
    this.instances++;
    const loaded = loadPolicySync(
      this.#module,
      { initial: initialPages, maximum: this.#maximumPages() },
      suppliedBuiltins,
    );
    loaded.setData(this.#data);
    return new WasmInstance(loaded);
  }

  #maximumPages(): number {
    const dataPages = Math.ceil((this.#data.byteLength * dataFactor) / pageSize);
    return Math.min(addressablePages, initialPages + decisionPages + dataPages);
  }

  #missingBuiltins(): string[] {
    const needed = this.#instance?.requiredBuiltins() ?? [];
    return needed
      .filter((name) => !libraryBuiltins.has(name) && !Object.hasOwn(suppliedBuiltins, name))
      .sort();
  }
}
