import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { policiesFolder } from '../../scripts/lib/policies.mjs';
import { temporaryFolder } from '../support/temporary-folder.js';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs scripts/policies.mjs as `npm run policies:…` does. */
export async function policies(...args: readonly string[]): Promise<Finished> {
  const script = join(policiesFolder, '../scripts/policies.mjs');
  const child = spawn(process.execPath, [script, ...args]);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

/** A copy of policies/ for a test to spoil. */
export function copyOfPolicies(): string {
  const { path: folder, remove } = temporaryFolder();
  onTestFinished(() => {
    remove();
  });
  const copy = join(folder, 'policies');
  cpSync(policiesFolder, copy, { recursive: true });
  return copy;
}
