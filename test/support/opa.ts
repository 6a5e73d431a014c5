import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { vi } from 'vitest';
import { findOpa, opaVersion } from '../../scripts/lib/opa.mjs';
import { describeWith } from './needs.js';
import { temporaryFolder } from './temporary-folder.js';

/** A suite that needs the OPA binary: skipped by name without one, failing under `REQUIRE_OPA=1`. */
export function describeWithOpa(what: string, body: (opa: string) => void): void {
  const absence = `no OPA ${opaVersion}: npm run opa:install`;
  describeWith(what, { found: findOpa(), requiredBy: 'REQUIRE_OPA', absence }, body);
}

/** The bundle that `opa build` makes of these arguments. */
export function buildBundle(opa: string, ...args: readonly string[]): Buffer {
  const { path: folder, remove } = temporaryFolder();
  const output = join(folder, 'bundle.tar.gz');
  execFileSync(opa, ['build', '--output', output, ...args], { stdio: 'pipe' });
  const bundle = readFileSync(output);
  remove();
  return bundle;
}

/** An OPA server of this test's own. */
export interface OpaServer {
  /** `http://127.0.0.1:port`. */
  readonly origin: string;
  /** What it has written so far, standard output and error together. */
  readonly output: () => string;
  close(): Promise<void>;
}

/**
 * Starts the real OPA on a free port and waits until it is healthy, its bundles loaded.
 *
 * @param args after `opa run --server --addr …`: files, bundles, flags
 */
export async function startOpaServer(opa: string, ...args: readonly string[]): Promise<OpaServer> {
  const port = await freePort();
  const child = spawn(opa, ['run', '--server', '--addr', `127.0.0.1:${port}`, ...args]);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const exited = once(child, 'exit');
  const origin = `http://127.0.0.1:${port}`;
  const failed = exited.then(() => {
    throw new Error(`opa ended with ${child.exitCode}: ${output}`);
  });
  await Promise.race([untilHealthy(origin), failed]);
  failed.catch(() => undefined);
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return { origin, output: () => output, close };
}

function untilHealthy(origin: string): Promise<void> {
  const ask = async (): Promise<void> => {
    const { status } = await fetch(`${origin}/health?bundles`);
    if (status !== 200) throw new Error(`opa's health is ${status}`);
  };
  return vi.waitFor(ask, { timeout: 20_000, interval: 20 });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}
