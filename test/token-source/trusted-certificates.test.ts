import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeAuthority } from '../gateway/upstream/support/certificates.js';
import type { Authority } from '../gateway/upstream/support/certificates.js';
import { manualTiming } from './support/manual-timing.js';
import { rejection, sourceAt } from './support/token-server.js';

describe('a token endpoint of https', () => {
  let authority: Authority;
  let server: Server;
  let origin: string;
  let requests = 0;

  beforeAll(async () => {
    authority = makeAuthority();
    server = createServer(authority.certify('IP:127.0.0.1'), (_, response) => {
      requests++;
      response.end('{"token_type":"Bearer","access_token":"token","expires_in":3600}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    authority.close();
  });

  it('is trusted by the certificate that is given', async () => {
    expect(await sourceAt({ origin }, manualTiming(), { ca: authority.ca }).token()).toBe('token');
  });

  it.each([
    { note: 'no certificate', ca: () => undefined },
    { note: 'another one', ca: otherAuthority },
  ])('is sent nothing with $note', async ({ ca }) => {
    const before = requests;
    const options = { ca: ca(), retries: 0 };
    const error = await rejection(sourceAt({ origin }, manualTiming(), options).token());
    expect(error).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/\([A-Z_]*(CERT|SIGNATURE|ISSUER)[A-Z_]*\)$/) as unknown,
    });
    expect(requests).toBe(before);
  });
});

function otherAuthority(): string {
  const other = makeAuthority();
  other.close();
  return other.ca;
}
