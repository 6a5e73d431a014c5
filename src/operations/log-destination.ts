import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { pino } from 'pino';

/** Where finished lines go. */
export interface LogDestination {
  /** Takes one line, with its line feed. */
  write(line: string): void;
  /** Resolves when the operating system has every line so far, or when that takes too long. */
  flush(): void | Promise<void>;
  /**
   * Takes values whose lines are made later, many in a row, and still in order with all others. A line made in between
   * requests costs three times as much: nothing that it needs is in the processor's caches.
   */
  makeLater?<T>(toLine: (value: T) => string): (value: T) => void;
}

export interface BufferedDestination extends LogDestination {
  makeLater<T>(toLine: (value: T) => string): (value: T) => void;
  /** Lines thrown away because whoever reads the log did not keep up. */
  droppedLines(): number;
}

/** Bytes that are collected before they are handed over in one write. */
const chunkBytes = 32_768;
/** UTF-8 needs at most that many for one UTF-16 unit. */
const maxBytesPerUnit = 3;
const lineFeed = 0x0a;
/** Values that wait for their lines to be made. */
const maxWaiting = 64;
/** The longest time that a line waits for others, in milliseconds. */
const maxWaitMs = 100;
/** Bytes that may wait for a reader that does not keep up. Beyond it lines are dropped and counted. */
const maxBacklogBytes = 16 * 1024 * 1024;
/** How long a flush waits for a reader that does not keep up, in milliseconds. */
const maxFlushMs = 1000;

/**
 * Collects lines and writes them asynchronously in large chunks; what is left is written at exit.
 *
 * Lines are encoded where they are collected. pino's own buffering (`minLength`) keeps text, measures it anew on each
 * write and lets it live until the collector of garbage has had to move it: more work than making the line. So its
 * destination receives finished chunks of bytes.
 *
 * @param fd file descriptor, 1 for standard output
 */
export function createBufferedDestination(fd: number): BufferedDestination {
  return new Collector(fd);
}

class Collector implements BufferedDestination {
  readonly #fd: number;
  readonly #target: ReturnType<typeof pino.destination>;
  #chunk = Buffer.allocUnsafeSlow(chunkBytes);
  #length = 0;
  readonly #makers: (() => void)[] = [];
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
      maxWrite: 2 * chunkBytes,
      contentMode: 'buffer',
    });
    this.#target.on('drop', (chunk: Buffer) => {
      this.#dropped += lineCount(chunk);
    });
    this.#target.on('drain', () => {
      this.#writing = false;
    });
  }

  write(line: string): void {
    this.#makeLines();
    this.#append(line);
  }

  makeLater<T>(toLine: (value: T) => string): (value: T) => void {
    const waiting: T[] = [];
    const make = (): void => {
      for (const value of waiting) this.#append(toLine(value));
      waiting.length = 0;
    };
    this.#makers.push(make);
    return (value) => {
      waiting.push(value);
      if (waiting.length >= maxWaiting || this.#ended) make();
      else this.#timer ??= this.#startTimer();
    };
  }

  #makeLines(): void {
    for (const make of this.#makers) make();
  }

  #append(line: string): void {
    if (this.#ended) {
      writeLast(this.#fd, line);
      return;
    }
    const needed = line.length * maxBytesPerUnit;
    if (needed > chunkBytes - this.#length) this.#sendChunk();
    if (needed > chunkBytes) this.#send(Buffer.from(line));
    else this.#length += this.#chunk.write(line, this.#length);
    this.#timer ??= this.#startTimer();
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
    this.#makeLines();
    this.#sendChunk();
  }

  #sendChunk(): void {
    if (this.#length === 0) return;
    this.#send(this.#chunk.subarray(0, this.#length));
    this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
    this.#length = 0;
  }

  #send(bytes: Buffer): void {
    this.#writing = true;
    // pino's type knows text only; `contentMode` makes it take bytes.
    this.#target.write(bytes as unknown as string);
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

function lineCount(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, at + 1)) count++;
  return count;
}
