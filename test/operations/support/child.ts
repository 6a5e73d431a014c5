import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** A program of this folder in a process of its own, run from the sources. */
export interface Child {
  readonly process: ChildProcess;
  /** Everything it wrote to standard output, once it has ended. */
  readonly output: Promise<string>;
  readonly errors: Promise<string>;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** The next message that it sends. */
  message(): Promise<unknown>;
}

export function startChild(program: string, ...args: string[]): Child {
  const hooks = new URL('typescript-hooks.mjs', import.meta.url).href;
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, {
    execArgv: ['--import', hooks],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  return {
    process: child,
    output: collect(child.stdout),
    errors: collect(child.stderr),
    ended,
    message: async () => ((await once(child, 'message')) as unknown[])[0],
  };
}

/** Empty when the test itself closed the stream. */
function collect(stream: Readable | null): Promise<string> {
  return stream === null ? Promise.resolve('') : text(stream).catch(() => '');
}
