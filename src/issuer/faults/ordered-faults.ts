import type { Fault, FaultyEndpoint } from './fault.js';

/** The faults that were ordered and are not used up. One for an endpoint; a new one takes the place of the old. */
export class OrderedFaults {
  readonly #faults = new Map<FaultyEndpoint, Fault>();

  order(endpoint: FaultyEndpoint, fault: Fault): void {
    this.#faults.set(endpoint, fault);
  }

  /** What is to come, with the calls that are left. */
  all(): Readonly<Partial<Record<FaultyEndpoint, Fault>>> {
    return Object.fromEntries(this.#faults);
  }

  cancel(endpoint: FaultyEndpoint): void {
    this.#faults.delete(endpoint);
  }

  cancelAll(): void {
    this.#faults.clear();
  }

  /** The fault of the call that is being made; it counts. */
  take(endpoint: FaultyEndpoint): Fault | undefined {
    const fault = this.#faults.get(endpoint);
    if (fault === undefined) return undefined;
    if (fault.calls > 1) this.#faults.set(endpoint, { ...fault, calls: fault.calls - 1 });
    else this.#faults.delete(endpoint);
    return fault;
  }
}
