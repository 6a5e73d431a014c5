import { describe, expect, it } from 'vitest';
import { cancelUpstream } from '../../../src/gateway/upstream/cancel.js';
import { cancelRequest } from '../../../src/gateway/wire/frontend-writers.js';
import { errorResponse } from './support/backend-script.js';
import { failure } from './support/failure.js';
import { long, serverThat, tlsOf } from './support/scripted-connection.js';

const backendKey = { processId: 4711, secret: Buffer.from('key!') };

describe('a cancel (23)', () => {
  it('is one CancelRequest, and over when the server closes, whatever it says', async () => {
    const server = await serverThat((socket) => {
      socket.once('data', () => socket.end(errorResponse('53300', 'too many')));
    });
    await cancelUpstream({ host: '127.0.0.1', port: server.port, tls: undefined }, backendKey, long());
    expect(server.received()).toEqual(cancelRequest(4711, Buffer.from('key!')));
    await server.idle();
  });

  it('is given up at the deadline with a server that does not close', async () => {
    const server = await serverThat((socket) => socket.resume());
    const upstream = { host: '127.0.0.1', port: server.port, tls: undefined };
    const cancelling = cancelUpstream(upstream, backendKey, AbortSignal.timeout(100));
    await expect(cancelling).rejects.toEqual(failure('timeout', '08006'));
    await server.idle();
  });

  it('is not sent in plain where TLS is set', async () => {
    const server = await serverThat((socket) => socket.resume().write('N'));
    const upstream = { host: '127.0.0.1', port: server.port, tls: tlsOf({ sslMode: 'require' }) };
    await expect(cancelUpstream(upstream, backendKey, long())).rejects.toEqual(failure('untrusted', '08001'));
    await server.idle();
    expect(server.received().includes('key!')).toBe(false);
  });
});
