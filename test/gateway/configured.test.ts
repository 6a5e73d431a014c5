import { afterEach, expect, it } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';

describeWithPostgres('a login as it is configured', (binaries) => {
  let gateway: TestGateway;
  afterEach(() => gateway.close());

  const clientBy = (claims: object, options?: string) => {
    const token = signToken({ sub: '00u1', exp: inSeconds(100), ...claims }, gateway.privateKey);
    return clientOf(gateway, token, options === undefined ? {} : { options });
  };

  it('goes by another claim than sub (16)', async () => {
    gateway = await startTestGateway(binaries, { GATEWAY_USER_CLAIM: 'preferred_username' });
    const client = clientBy({ preferred_username: 'alice' });
    await client.connect();
    expect((await client.query('select current_user')).rows).toEqual([{ current_user: 'alice' }]);
    await client.end();
    const cockroach = '--crdb:jwt_auth_enabled=true';
    await expect(clientBy({ sub: 'alice' }, cockroach).connect()).rejects.toMatchObject({
      message: 'JWT authentication: missing claim',
    });
    await expect(clientBy({ preferred_username: 'bob' }, cockroach).connect()).rejects.toMatchObject({
      message: 'JWT authentication: invalid principal',
    });
  });

  it('is refused at a server that asks for less than the gateway insists on (20)', async () => {
    // This server trusts everybody.
    gateway = await startTestGateway(binaries, { UPSTREAM__MINIMUM_AUTH: 'scram-sha-256' });
    await expect(clientBy({ sub: 'alice' }).connect()).rejects.toMatchObject({ code: '08001' });
    expect(gateway.log.join('')).toContain('asks for none, and scram-sha-256 is the least that is allowed');
  });
});
