import * as library from '@open-policy-agent/opa-wasm';

/*
 * The library's own types need the DOM's WebAssembly, which is not in this project's scope, and promise named exports
 * that its ES module only has on its default export. What is used of both is typed here.
 */

/** A compiled policy; instances of it are cheap. */
export interface CompiledModule {
  readonly kind?: 'WebAssembly.Module';
}

/** The exports of a policy module that are used here (WASM ABI 1.2, openpolicyagent.org/docs/wasm). */
interface PolicyExports {
  /** Evaluates an entrypoint; the answer is the address of the result set as JSON, ended by a zero byte. */
  readonly opa_eval: (
    reserved: 0,
    entrypoint: number,
    data: number,
    input: number,
    inputLength: number,
    heap: number,
    format: 0,
  ) => number;
  /** Address of an object: names of the built-ins that the host must supply, with their numbers. */
  readonly builtins: () => number;
  /** Address of the value's JSON text, ended by a zero byte. */
  readonly opa_json_dump: (value: number) => number;
}

/** The members of the library's LoadedPolicy that are used here; all of them are in its declared type. */
export interface LoadedPolicy {
  /** Of the ABI. */
  readonly minorVersion: number;
  readonly mem: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly wasmInstance: { readonly exports: PolicyExports };
  /** Address of the base documents. */
  readonly dataAddr: number;
  /** Where the memory is free once the base documents are in. */
  readonly dataHeapPtr: number;
  /** Decision paths and their numbers. */
  readonly entrypoints: Readonly<Record<string, number>>;
  /** @param data JSON text of an object */
  setData(data: ArrayBuffer): void;
}

/** A built-in gets JSON values and answers JSON text in UTF-8, or undefined. */
type HostBuiltin = (...operands: unknown[]) => ArrayBuffer | undefined;

interface Library {
  /** @throws strings and Errors when the module can't be instantiated */
  readonly loadPolicySync: (
    module: CompiledModule,
    /** In pages of 64 KiB. */
    memory: { readonly initial: number; readonly maximum: number },
    builtins: Readonly<Record<string, HostBuiltin>>,
  ) => LoadedPolicy;
}

interface Platform {
  readonly WebAssembly: { compile(bytes: Uint8Array): Promise<CompiledModule> };
}

export const { loadPolicySync } = (library as unknown as { readonly default: Library }).default;

export function compileModule(bytes: Uint8Array): Promise<CompiledModule> {
  return (globalThis as unknown as Platform).WebAssembly.compile(bytes);
}

/** Host built-ins that the library brings (its src/builtins, version 1.10); it exports no list of them. */
export const libraryBuiltins: ReadonlySet<string> = new Set([
  'json.is_valid',
  'regex.split',
  'sprintf',
  'yaml.is_valid',
  'yaml.marshal',
  'yaml.unmarshal',
]);
