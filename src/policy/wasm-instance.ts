import type { LoadedPolicy } from './opa-wasm-library.js';

/** Bytes that UTF-8 needs at most for one UTF-16 unit. */
const maxBytesPerUnit = 3;
const pageSize = 64 * 1024;

/**
 * One instance of a policy module, with its memory.
 *
 * Follows the ABI itself where the library's `evaluate` would cost more than the policy: the input is encoded straight
 * into the memory, and no decoder is made for each result. 3.5 µs instead of 7.5 for a 1.2 KB input.
 */
export class WasmInstance {
  readonly #loaded: LoadedPolicy;
  readonly #startBytes: number;
  #memory: Buffer;

  /** @throws Error when the module is older than ABI 1.2 */
  constructor(loaded: LoadedPolicy) {
    if (!(loaded.minorVersion >= 2)) throw new Error('it was built by an OPA older than 0.35 (WASM ABI 1.2)');
    this.#loaded = loaded;
    this.#startBytes = loaded.mem.buffer.byteLength;
    this.#memory = Buffer.from(loaded.mem.buffer);
  }

  /** By how much its memory has grown since the base documents were in. */
  get grownBytes(): number {
    return this.#current().length - this.#startBytes;
  }

  /** Decision paths and their numbers. */
  entrypoints(): Readonly<Record<string, number>> {
    return this.#loaded.entrypoints;
  }

  requiredBuiltins(): string[] {
    const { builtins, opa_json_dump: dump } = this.#loaded.wasmInstance.exports;
    return Object.keys(JSON.parse(this.#textAt(dump(builtins()))) as object);
  }

  /** @throws whatever the evaluation threw; this instance must not be used again then */
  evaluate(inputJson: string, entrypoint: number): unknown {
    const { dataAddr, dataHeapPtr, wasmInstance } = this.#loaded;
    this.#reserve(dataHeapPtr + inputJson.length * maxBytesPerUnit);
    const length = this.#current().write(inputJson, dataHeapPtr, 'utf8');
    const heap = dataHeapPtr + length;
    const result = wasmInstance.exports.opa_eval(0, entrypoint, dataAddr, dataHeapPtr, length, heap, 0);
    return resultIn(this.#textAt(result));
  }

  #reserve(end: number): void {
    const lacking = end - this.#current().length;
    if (lacking > 0) this.#loaded.mem.grow(Math.ceil(lacking / pageSize));
  }

  #textAt(address: number): string {
    const memory = this.#current();
    return memory.toString('utf8', address, memory.indexOf(0, address));
  }

  /** Memory that has grown is another buffer; the old one has no length any more. */
  #current(): Buffer {
    if (this.#memory.length === 0) this.#memory = Buffer.from(this.#loaded.mem.buffer);
    return this.#memory;
  }
}

/** A result set holds one entry where the entrypoint is defined and none where it is not. */
function resultIn(resultSet: string): unknown {
  if (resultSet === '[{"result":true}]') return true;
  if (resultSet === '[{"result":false}]') return false;
  const [entry] = JSON.parse(resultSet) as { result: unknown }[];
  return entry?.result;
}
