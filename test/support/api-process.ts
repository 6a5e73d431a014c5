import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { builtProject } from './api-build.js';
import type { ApiEnvironment } from './api-world.js';
import { temporaryFolder } from './temporary-folder.js';

/** How a process ended: its exit code, or the signal that ended it. */
type Ending = number | NodeJS.Signals;

/** The API in a process of its own, as `npm start` runs it. */
export interface ApiProcess {
  readonly pid: number;
  readonly process: ChildProcess;
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<Ending>;
  /** The lines of standard output so far, parsed. */
  log(): readonly Record<string, unknown>[];
  /** Settles with the line of the log that fits, when it is there; rejects when the process ends before. */
  line(fits: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
}

export interface ListeningApi extends ApiProcess {
  readonly port: number;
  readonly managementPort: number;
}

/** Runs `dist/main.js` with these settings and no others, in a folder with no app.env but this one. */
export function runMain(environment: ApiEnvironment, appEnv?: string): ApiProcess {
  return runProgram('dist/main.js', environment, appEnv);
}

/** {@link runMain}, of another program of the build. */
export function runProgram(program: string, environment: ApiEnvironment, appEnv?: string): ApiProcess {
  const { path: folder, remove } = temporaryFolder();
  if (appEnv !== undefined) writeFileSync(join(folder, 'app.env'), appEnv);
  const main = join(builtProject(), program);
  const child = spawn(process.execPath, [main], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output.stdout += chunk;
    for (const look of waiting) look();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output.stderr += chunk));
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as Ending);
  void ended.then(() => {
    remove();
  });
  const log = () => linesOf(output.stdout);
  const line = (fits: (line: Record<string, unknown>) => boolean) =>
    firstLine({ log, fits, waiting, ended, errors: () => output.stderr });
  return { pid: child.pid ?? 0, process: child, output, ended, log, line };
}

/** {@link runMain}, killed when the test ends, should it still run. */
export function mainForTest(environment: ApiEnvironment, appEnv?: string): ApiProcess {
  const api = runMain(environment, appEnv);
  onTestFinished(() => endNow(api));
  return api;
}

/** {@link mainForTest}, when it listens. */
export async function listeningForTest(environment: ApiEnvironment): Promise<ListeningApi> {
  return listening(mainForTest(environment));
}

/** Settles when the process says that it listens. */
export async function listening(api: ApiProcess): Promise<ListeningApi> {
  const { port, managementPort } = await api.line(({ msg }) => msg === 'the API is listening');
  return { ...api, port: Number(port), managementPort: Number(managementPort) };
}

export async function endNow({ process: child, ended }: ApiProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await ended;
}

/** The last line may not be whole yet. */
function linesOf(text: string): Record<string, unknown>[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

interface Search {
  readonly log: () => readonly Record<string, unknown>[];
  readonly fits: (line: Record<string, unknown>) => boolean;
  readonly waiting: Set<() => void>;
  readonly ended: Promise<Ending>;
  readonly errors: () => string;
}

function firstLine({ log, fits, waiting, ended, errors }: Search): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const found = log().find(fits);
      if (found === undefined) return;
      waiting.delete(look);
      resolve(found);
    };
    waiting.add(look);
    look();
    void ended.then((ending) => {
      reject(new Error(`the process ended with ${ending} before it wrote that line: ${errors()}`));
    });
  });
}
