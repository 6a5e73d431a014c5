import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { builtProject } from '../../support/api-build.js';
import { endNow, runProgram } from '../../support/api-process.js';
import type { ApiProcess } from '../../support/api-process.js';

const examples = join(import.meta.dirname, '../../../examples');

/** Runs an example as its users do, on the package as it is built; killed when the test ends, should it still run. */
export function runExample(name: string, environment: Record<string, string>): ApiProcess {
  cpSync(examples, join(builtProject(), 'examples'), { recursive: true });
  const running = runProgram(`examples/${name}`, environment);
  onTestFinished(() => endNow(running));
  return running;
}
