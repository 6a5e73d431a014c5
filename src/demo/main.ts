import { parseArgs } from 'node:util';
import { SetupError } from '../base/setup-error.js';
import { createLogger } from '../operations/logging.js';
import { startDemo } from './demo.js';
import type { Demo } from './demo.js';
import { Narrator } from './narrator.js';
import { walkThrough } from './walk.js';

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
const narrator = new Narrator(process.stdout);

/** Exit code of a walk in which an expectation did not hold. */
const exitUnexpected = 1;

async function run(): Promise<void> {
  const demo = await startDemo(process.env, createLogger({ level: 'info', destination: Narrator.logFile() }));
  const asExpected = await walkThrough(demo, narrator);
  if (values.once || !asExpected) {
    await demo.close();
    process.exitCode = asExpected ? 0 : exitUnexpected;
    return;
  }
  narrator.invite(demo);
  stayUp(demo);
}

/** A terminal and npm both send SIGINT on Ctrl-C: the second one finds the first at work. */
function stayUp(demo: Demo): void {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      void demo.close().then(() => process.exit(0));
    });
  }
}

try {
  await run();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(error.exitCode);
}
