import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { vi } from 'vitest';
import { createUndiciUpstream } from '../../../src/base/undici-upstream.js';
import type { UndiciUpstream } from '../../../src/base/undici-upstream.js';
import { createOpaSidecarEngine, parseOpaUrl } from '../../../src/policy/opa-sidecar-engine.js';
import type { OpaSidecarEngine, OpaUrl } from '../../../src/policy/opa-sidecar-engine.js';
import { decisionUrl } from '../../../src/policy/opa-url.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** A file of test/policy/fixtures. */
export function fixture(name: string): string {
  return join(import.meta.dirname, '../fixtures', name);
}

/** An OPA server of this test's own, on a Unix socket in a folder of its own. */
export interface RunningOpa {
  readonly engine: OpaSidecarEngine;
  readonly url: OpaUrl;
  /** What the Data API answers, as it is. */
  ask(decisionPath: string, inputJson: string): Promise<string>;
  close(): Promise<void>;
}

/** @param args after `opa run --server`: files, bundles, flags */
export async function startOpa(
  opa: string,
  decisionPath: string,
  ...args: readonly string[]
): Promise<RunningOpa> {
  const { path: folder, remove } = temporaryFolder();
  const socket = join(folder, 'opa.sock');
  const server = spawn(
    opa,
    ['run', '--server', '--addr', `unix://${socket}`, '--log-level', 'error', ...args],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const url = parseOpaUrl(`unix://${socket}:/v1/data/${decisionPath}`);
  if (!url.ok) throw new Error(url.reason);
  const engine = createOpaSidecarEngine({ url: url.value, timeoutMs: 10_000 });
  await vi.waitFor(() => untilItAnswers(engine, decisionPath, server), { timeout: 20_000, interval: 50 });
  const upstream = createUndiciUpstream(url.value.origin, {
    connections: 8,
    connectTimeoutMs: 1000,
    socketPath: socket,
  });
  const ask = (path: string, inputJson: string) => askDataApi(upstream, url.value, path, inputJson);
  const close = async (): Promise<void> => {
    await Promise.all([engine.close(), upstream.close()]);
    await stop(server);
    remove();
  };
  return { engine, url: url.value, ask, close };
}

async function askDataApi(
  { call }: UndiciUpstream,
  opa: OpaUrl,
  path: string,
  inputJson: string,
): Promise<string> {
  const url = decisionUrl(opa, path);
  if (url === undefined) throw new Error(`no decision path: ${path}`);
  const body = `{"input":${inputJson}}`;
  const answer = await call({ method: 'POST', url, body, timeoutMs: 10_000, maxBytes: 1024 * 1024 });
  if (!answer.ok) throw new Error(answer.reason);
  return answer.value.text;
}

async function untilItAnswers(
  engine: OpaSidecarEngine,
  decisionPath: string,
  server: ChildProcess,
): Promise<void> {
  if (server.exitCode !== null) throw new Error(`opa ended with ${server.exitCode}`);
  const probed = await engine.probe(decisionPath);
  if (!probed.ok && probed.code === 'unavailable') throw new Error(probed.reason);
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGKILL');
  await exited;
}
