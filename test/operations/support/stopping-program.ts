// A server with the graceful stop installed, told what to do by messages of its parent.
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { listen } from '../../../src/operations/listening.js';
import { createLogger } from '../../../src/operations/logging.js';
import { Shutdown, stopOnSignals } from '../../../src/operations/shutdown.js';

const held: ServerResponse[] = [];
const logger = createLogger({ level: 'info' });
let answered = 0;

const server = createServer((request, response) => {
  if (request.url === '/held') {
    held.push(response);
    process.send?.('held');
    return;
  }
  // Several turns of the loop, so that requests are under way at any moment.
  setTimeout(() => response.end('done'), answered++ % 7);
});

const note = (step: string) => (): void => {
  process.send?.(step);
};
const hooks = { beforeStop: note('beforeStop'), stop: note('stop'), afterStop: note('afterStop') };
stopOnSignals(new Shutdown({ server, logger, hooks, timeoutMs: 20_000 }), logger);

process.on('message', (message) => {
  if (message === 'release') for (const response of held.splice(0)) response.end('released');
  if (message === 'throw') throw new Error('nobody catches this');
  if (message === 'reject') void Promise.reject(new Error('nobody catches this'));
});

const port = await listen(server, { host: '127.0.0.1', port: 0, setting: 'PORT' });
process.send?.({ port });
