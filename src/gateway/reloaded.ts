import { errorText } from '../base/error-text.js';
import { FileWatch, stateOf } from '../base/file-watch.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';

export interface ReloadedOptions<T> {
  /** None where the value stands elsewhere: then it never changes. */
  readonly paths: readonly string[];
  readonly load: () => T | Promise<T>;
  /** Told once why what the files hold now could not be put into force. */
  readonly onFailure: (reason: string) => void;
}

/** A value out of files, made anew when one of them changes. Where that fails the last one stays in force. */
export class Reloaded<T> {
  readonly #load: () => T | Promise<T>;
  readonly #listeners: (() => void)[] = [];
  #value: T;
  #watch: FileWatch | undefined;

  private constructor(load: () => T | Promise<T>, value: T) {
    this.#load = load;
    this.#value = value;
  }

  /** @throws what `load` throws at the start */
  static async open<T>({ paths, load, onFailure }: ReloadedOptions<T>): Promise<Reloaded<T>> {
    // What changes while it is loaded is seen as a change.
    const state = await stateOf(paths);
    const reloaded = new Reloaded(load, await load());
    const onChange = () => reloaded.#reload();
    if (paths.length > 0) reloaded.#watch = new FileWatch({ paths, state, onChange, onFailure });
    return reloaded;
  }

  get value(): T {
    return this.#value;
  }

  /** Calls back behind each change of the value. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    await this.#watch?.close();
  }

  async #reload(): Promise<Outcome<null, 'not_loaded'>> {
    try {
      this.#value = await this.#load();
    } catch (error) {
      return refuse('not_loaded', errorText(error));
    }
    for (const listener of this.#listeners) listener();
    return accept(null);
  }
}
