import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { introspectionOf } from '../support/token-table.js';
import { machineClaims } from '../support/tokens.js';
import { observedApi, patientWithOpa } from './support/observed-api.js';
import { expectUnavailable, report } from './support/outage.js';
import type { Outage } from './support/outage.js';

const outage: Outage = { upstream: 'okta_introspection', code: 'authentication_unavailable' };

/** A certificate for localhost and its key, good for nothing else. */
const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);

// Okta speaks HTTP/2 to whoever offers it, and carries every call on one connection then. Networks forget connections
// without a word: such a one must not be asked again and again.
describe('an API whose connection to Okta falls silent, over TLS', () => {
  const certificate = {
    key: readFileSync(fixture('localhost.key')),
    cert: readFileSync(fixture('localhost.crt')),
  };
  const server = createSecureServer({ ...certificate, allowHTTP1: true });
  const issuer = () => `https://localhost:${(server.address() as AddressInfo).port}/oauth2/default`;

  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    server.on(
      'request',
      answersOncePerConnection(() => introspectionOf(machineClaims({ iss: issuer() }))),
    );
  });
  const observed = observedApi(() => ({
    ...patientWithOpa,
    OKTA_ISSUER: issuer(),
    OKTA_VALIDATION: 'remote',
    NODE_EXTRA_CA_CERTS: fixture('localhost.crt'),
  }));
  // The connections of the API end with its process.
  afterAll(() => server.close());

  it('loses the request that finds it out, and is well again on another connection', async ({ task }) => {
    expect(await observed().ask('opaque')).toMatchObject({ status: 200 });
    const silenced = await observed().ask('opaque');
    expectUnavailable(silenced, outage);
    const startedAt = performance.now();
    await vi.waitFor(
      async () => {
        expect(await observed().ask('opaque')).toMatchObject({ status: 200 });
      },
      { timeout: 5000, interval: 20 },
    );
    report(task, { refusedMs: silenced.tookMs, recoveredMs: performance.now() - startedAt });
  });
});

/** Every later request on the same connection is read and never answered. */
function answersOncePerConnection(
  answer: () => unknown,
): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  const used = new WeakSet<object>();
  return (request, response) => {
    // With HTTP/1.1 both are the classes of node:http, and there is no session.
    const connection = request.httpVersionMajor === 2 ? request.stream.session : request.socket;
    if (connection === undefined || used.has(connection)) return;
    used.add(connection);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer()));
  };
}
