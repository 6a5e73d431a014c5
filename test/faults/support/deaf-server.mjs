// An OPA on loopback that can be made deaf: its thread stands still, so that it accepts no connection, and the kernel
// holds no more than the smallest backlog for it. Run as a worker; `workerData` is the shared word that lets it go on.
import { createServer } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

const hears = new Int32Array(workerData);

const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"result":{"allow":true}}');
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () =>
  parentPort.postMessage(server.address().port),
);

parentPort.on('message', () => {
  parentPort.postMessage('deaf');
  Atomics.wait(hears, 0, 0);
});
