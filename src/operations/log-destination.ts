import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { pino } from 'pino';

/** Where finished lines go. */
export interface LogDestination {
  /** Takes one line, with its line feed. */
  write(line: string): void;
  /** Resolves when the operating system has every line so far, or when that takes too long. */
  flush(): void | Promise<void>;
}

export interface BufferedDestination extends LogDestination {
  /** Lines thrown away because whoever reads the log did not keep up. */
  droppedLines(): number;
}

/** Characters that are collected before they are handed over in one write. */
const chunkLength = 32_768;
/** The longest time that a line waits for others, in milliseconds. */
const maxWaitMs = 100;
/** Bytes that may wait for a reader that does not keep up. Beyond it lines are dropped and counted. */
const maxBacklogBytes = 16 * 1024 * 1024;
/** How long a flush waits for a reader that does not keep up, in milliseconds. */
const maxFlushMs = 1000;

/**
 * Collects lines and writes them asynchronously in large chunks; what is left is written at exit.
 *
 * pino's own buffering (`minLength`) measures the collected text anew on each write, which flattens it each time and
 * costs more than making the line does. So the text is collected here and pino's destination receives whole chunks.
 *
 * @param fd file descriptor, 1 for standard output
 */
export function createBufferedDestination(fd: number): BufferedDestination {
  return new Collector(fd);
}

class Collector implements BufferedDestination {
  readonly #fd: number;
  readonly #target: ReturnType<typeof pino.destination>;
  #text = '';
  #timer: NodeJS.Timeout | undefined;
  #writing = false;
  #ended = false;
  #dropped = 0;

  constructor(fd: number) {
    this.#fd = fd;
    // pino's destination closes itself on beforeExit. This runs first, and later lines go around it.
    for (const event of ['beforeExit', 'exit'] as const)
      process.once(event, () => {
        this.#end();
      });
    this.#target = pino.destination({
      dest: fd,
      sync: false,
      maxLength: maxBacklogBytes,
      maxWrite: 2 * chunkLength,
    });
    this.#target.on('drop', (chunk: string) => {
      this.#dropped += lineCount(chunk);
    });
    this.#target.on('drain', () => {
      this.#writing = false;
    });
  }

  write(line: string): void {
    if (this.#ended) {
      writeLast(this.#fd, line);
      return;
    }
    this.#text += line;
    if (this.#text.length >= chunkLength) this.#handOver();
    else this.#timer ??= this.#startTimer();
  }

  async flush(): Promise<void> {
    this.#handOver();
    if (!this.#writing) return;
    // A reader that is gone or stuck must not hold up the end of the process.
    await once(this.#target, 'drain', { signal: AbortSignal.timeout(maxFlushMs) }).catch(() => undefined);
  }

  droppedLines(): number {
    return this.#dropped;
  }

  /** From here on lines are written at once: there may be no later. */
  #end(): void {
    if (this.#ended) return;
    this.#handOver();
    this.#target.flushSync();
    this.#ended = true;
  }

  #startTimer(): NodeJS.Timeout {
    // A process whose work is done does not stay for the log: the exit handlers write what is left.
    return setTimeout(() => {
      this.#handOver();
    }, maxWaitMs).unref();
  }

  #handOver(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#text;
    if (text === '') return;
    this.#text = '';
    this.#writing = true;
    this.#target.write(text);
  }
}

/** An error here would turn an orderly exit into a crash. */
function writeLast(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // There is nowhere left to report it.
  }
}

function lineCount(chunk: string): number {
  return chunk.split('\n').length - 1;
}
