import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  saslInitialResponse,
  saslResponse,
  startupMessage,
} from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient, queryMessage } from './support/raw-client.js';

// Nobody asks it: these tokens are of a static key.
const issuer = 'http://127.0.0.1:1/oauth2/default';

describeWithPostgres('a listener for OAUTHBEARER (18)', (binaries) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(binaries, {
      DOWNSTREAM__SSLMODE: 'allow',
      GATEWAY_AUTHENTICATION: 'oauthbearer',
      GATEWAY_ISSUER: issuer,
      GATEWAY_AUDIENCE: 'api://default',
    });
  });
  afterAll(() => gateway.close());

  /** A client that was asked for a response of SASL. */
  async function asked(): Promise<RawClient> {
    const client = await RawClient.connect(gateway.port);
    client.socket.write(
      startupMessage([
        ['user', 'alice'],
        ['database', gateway.database],
      ]),
    );
    const [request] = await client.readUntil('R');
    expect(request?.body).toEqual(Buffer.from('\0\0\0\x0aOAUTHBEARER\0\0'));
    return client;
  }

  const bearer = (token: string): Buffer => Buffer.from(`n,,\x01auth=${token}\x01\x01`);

  it('lets in who has a token', async () => {
    const client = await asked();
    const token = signToken({ sub: 'alice', exp: inSeconds(100) }, gateway.privateKey);
    client.socket.write(saslInitialResponse('OAUTHBEARER', bearer(`Bearer ${token}`)));
    const messages = await client.readUntil('Z');
    expect(messages[0]?.body).toEqual(Buffer.from([0, 0, 0, 0]));
    client.socket.destroy();
  });

  it.each([
    ['a bad token', 'Bearer bogus'],
    ['no token, to learn where there are tokens', ''],
  ])('tells who brings %s where to ask, and refuses it when that is acknowledged', async (_, token) => {
    const client = await asked();
    client.socket.write(saslInitialResponse('OAUTHBEARER', bearer(token)));
    const [challenge] = await client.readUntil('R');
    expect(challenge?.body.readInt32BE(0)).toBe(11);
    expect(JSON.parse(challenge?.body.toString('utf8', 4) ?? '')).toEqual({
      status: 'invalid_token',
      'openid-configuration': `${issuer}/.well-known/openid-configuration`,
      scope: 'openid',
    });
    client.socket.write(saslResponse(Buffer.from('\x01')));
    const [refusal] = await client.readUntil('E');
    expect(refusal?.body.toString()).toContain(
      'SFATAL\0VFATAL\0C28000\0MOAuth bearer authentication failed for user "alice"\0',
    );
  });

  it.each([
    ['another token', saslResponse(bearer('Bearer other'))],
    ['two bytes', saslResponse(Buffer.from('\x01\x01'))],
    ['nothing', saslResponse(Buffer.alloc(0))],
    ['a query', queryMessage('select 1')],
  ])('awaits the one byte of acknowledgement: %s breaks the protocol', async (_, answer) => {
    const client = await asked();
    client.socket.write(saslInitialResponse('OAUTHBEARER', bearer('Bearer bogus')));
    await client.readUntil('R');
    client.socket.write(answer);
    const [refusal] = await client.readUntil('E');
    expect(refusal?.body.toString()).toContain('SFATAL\0VFATAL\0C08P01\0');
    expect(await client.rest()).toBe('');
  });

  it('refuses another mechanism', async () => {
    const client = await asked();
    client.socket.write(saslInitialResponse('SCRAM-SHA-256', Buffer.from('n,,n=,r=x')));
    const [refusal] = await client.readUntil('E');
    expect(refusal?.body.toString()).toContain('C08P01');
  });
});
