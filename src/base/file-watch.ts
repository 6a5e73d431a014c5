import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Outcome } from './outcome.js';

/** Milliseconds of quiet after a change in the folder: a file that is written in place is seen once, when done. */
const quietMs = 100;
/** Milliseconds between looks without any event: network and container mounts do not always send them. */
const lookMs = 5000;

/** Tells one state of files from another without reading them. */
export async function stateOf(paths: readonly string[]): Promise<string> {
  const states = await Promise.all(paths.map(stateOfOne));
  return states.join();
}

async function stateOfOne(path: string): Promise<string> {
  try {
    const { mtimeNs, ctimeNs, size, ino } = await stat(path, { bigint: true });
    return [mtimeNs, ctimeNs, size, ino].join(':');
  } catch {
    return 'missing';
  }
}

export interface FileWatchOptions {
  /** At least one. */
  readonly paths: readonly string[];
  /** The state in which the files were last read. */
  readonly state: string;
  /** Takes a change in, one at a time. After a refusal it runs again with the next look. Must not reject. */
  onChange(): Promise<Outcome<unknown, string>>;
  /** Told why a change was not taken in; once, and not again with each look. */
  onFailure(reason: string): void;
}

/**
 * Watches files that belong together. Looks at their folders, so that it sees a file renamed into place, one written in
 * place, and a symbolic link above it that is turned elsewhere. What can't be taken in is tried again with each look:
 * it may have been the reading that failed, or one of the files was written before the other.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #watchers: readonly FSWatcher[];
  readonly #looks: NodeJS.Timeout;
  #quiet: NodeJS.Timeout | undefined;
  #state: string;
  /** What was told last. */
  #failure: string | undefined;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#state = options.state;
    const folders = new Set(options.paths.map((path) => dirname(path)));
    this.#watchers = [...folders].flatMap((folder) => this.#watchFolder(folder));
    this.#looks = setInterval(() => {
      this.#look();
    }, lookMs).unref();
  }

  /** Settles when a change that is being taken in has been. */
  close(): Promise<void> {
    this.#closed = true;
    for (const watcher of this.#watchers) watcher.close();
    clearInterval(this.#looks);
    clearTimeout(this.#quiet);
    return this.#looking;
  }

  /** None where the folder can't be watched: the looks at an interval go on. */
  #watchFolder(folder: string): FSWatcher[] {
    try {
      const watcher = watch(folder, { persistent: false }, () => {
        clearTimeout(this.#quiet);
        this.#quiet = setTimeout(() => {
          this.#look();
        }, quietMs).unref();
      });
      watcher.on('error', () => {
        watcher.close();
      });
      return [watcher];
    } catch {
      return [];
    }
  }

  #look(): void {
    this.#looking = this.#looking.then(async () => {
      const state = await stateOf(this.#options.paths);
      if (this.#closed || state === this.#state) return;
      const taken = await this.#options.onChange();
      // No state of files is empty.
      this.#state = taken.ok ? state : '';
      const failure = taken.ok ? undefined : taken.reason;
      if (failure !== undefined && failure !== this.#failure) this.#options.onFailure(failure);
      this.#failure = failure;
    });
  }
}
