import { errorText } from '../base/error-text.js';
import { SetupError } from '../base/setup-error.js';
import { FileWatch, fileState } from '../policy/file-watch.js';
import type { FromFiles } from '../settings/gateway-settings.js';
import { describeMistakes } from '../settings/setting.js';

export interface ReloadedOptions<T> {
  readonly paths: readonly string[];
  readonly load: () => T | Promise<T>;
  /** Told why what the files hold now could not be put into force. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * A value out of files, made anew when one of them changes. Where that fails the last one stays in force, and another
 * try is made with each look: what failed may have been the look alone.
 */
export class Reloaded<T> {
  readonly #options: ReloadedOptions<T>;
  readonly #listeners: (() => void)[] = [];
  #value: T;
  #watches: readonly FileWatch[] = [];
  /** What was told last, and is not told again with each look. */
  #failure: string | undefined;

  private constructor(options: ReloadedOptions<T>, value: T) {
    this.#options = options;
    this.#value = value;
  }

  /** @throws what `load` throws at the start */
  static async open<T>(options: ReloadedOptions<T>): Promise<Reloaded<T>> {
    // What changes while it is loaded is seen as a change.
    const states = await Promise.all(options.paths.map(fileState));
    const reloaded = new Reloaded(options, await options.load());
    const onChange = () => reloaded.#reload();
    reloaded.#watches = options.paths.map(
      (path, index) => new FileWatch({ path, state: states[index] ?? '', onChange }),
    );
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
    await Promise.all(this.#watches.map((watch) => watch.close()));
  }

  /** Of several files that belong together one is written first: then they do not fit, and the next look finds them. */
  async #reload(): Promise<boolean> {
    try {
      this.#value = await this.#options.load();
    } catch (error) {
      const failure = errorText(error);
      if (failure !== this.#failure) this.#options.onFailure(error);
      this.#failure = failure;
      return false;
    }
    this.#failure = undefined;
    for (const listener of this.#listeners) listener();
    return true;
  }
}

/** @throws SetupError with what is wrong with the values, as at the start */
export function readOrThrow<T>({ read }: FromFiles<T>): T {
  const values = read();
  if (values.ok) return values.value;
  throw new SetupError(describeMistakes(values.mistakes));
}
