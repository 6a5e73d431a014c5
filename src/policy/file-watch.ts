import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Milliseconds of quiet after a change in the folder: a file that is written in place is seen once, when done. */
const quietMs = 100;
/** Milliseconds between looks without any event: network and container mounts do not always send them. */
const lookMs = 5000;

/** Tells one state of a file from another without reading it; `missing` when it is not there. */
export async function fileState(path: string): Promise<string> {
  try {
    const { mtimeNs, ctimeNs, size, ino } = await stat(path, { bigint: true });
    return [mtimeNs, ctimeNs, size, ino].join(':');
  } catch {
    return 'missing';
  }
}

export interface FileWatchOptions {
  readonly path: string;
  /** The state in which the file was last read. */
  readonly state: string;
  /** Runs for each change, one at a time; after `false` again with the next look. Must not reject. */
  onChange(): Promise<boolean>;
}

/**
 * Watches one file. Looks at its folder, so that it sees a file renamed into place, one written in place, and a
 * symbolic link above it that is turned elsewhere.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #watcher: FSWatcher | undefined;
  readonly #looks: NodeJS.Timeout;
  #quiet: NodeJS.Timeout | undefined;
  #state: string;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#watcher = this.#watchFolder();
    this.#looks = setInterval(() => {
      this.#look();
    }, lookMs).unref();
  }

  /** Settles when a change that is being taken in has been. */
  close(): Promise<void> {
    this.#closed = true;
    this.#watcher?.close();
    clearInterval(this.#looks);
    clearTimeout(this.#quiet);
    return this.#looking;
  }

  #watchFolder(): FSWatcher | undefined {
    try {
      const watcher = watch(dirname(this.#options.path), { persistent: false }, () => {
        clearTimeout(this.#quiet);
        this.#quiet = setTimeout(() => {
          this.#look();
        }, quietMs).unref();
      });
      // The looks at an interval go on.
      return watcher.on('error', () => {
        watcher.close();
      });
    } catch {
      return undefined;
    }
  }

  #look(): void {
    this.#looking = this.#looking.then(async () => {
      const state = await fileState(this.#options.path);
      if (this.#closed || state === this.#state) return;
      this.#state = state;
      // No state of a file is empty.
      if (!(await this.#options.onChange())) this.#state = '';
    });
  }
}
