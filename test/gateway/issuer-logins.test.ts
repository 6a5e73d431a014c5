import { decodeJwt } from 'jose';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SigningAlgorithm } from '../../src/issuer/store/schema.js';
import { freePort } from '../conformance/support/free-port.js';
import { addClient, preparedDatabase } from '../issuer/support/clients.js';
import type { AddedClient } from '../issuer/support/clients.js';
import { basic, send, startTestIssuer } from '../issuer/support/issuer.js';
import type { TestIssuer } from '../issuer/support/issuer.js';
import { addServer } from '../issuer/support/servers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';

const servers: readonly { id: string; algorithm: SigningAlgorithm }[] = [
  { id: 'rsa', algorithm: 'RS256' },
  { id: 'curve', algorithm: 'ES256' },
  { id: 'edwards', algorithm: 'EdDSA' },
];

describeWithPostgres("an issuer's access token as password", (binaries) => {
  let issuer: TestIssuer;
  let issuerUrl: string;
  let removeDatabase: () => void;
  const clients = new Map<string, AddedClient>();

  beforeAll(async () => {
    const database = await preparedDatabase(
      { newDatabase: () => Promise.resolve('pglite:memory') },
      async (store) => {
        for (const server of servers) {
          await addServer(store, { ...server, scopes: { read: false } });
          clients.set(server.id, await addClient(store, { serverId: server.id, scope: 'read' }));
        }
        clients.set('org', await addClient(store, { serverId: 'org', scope: 'read' }));
      },
    );
    removeDatabase = database.remove;
    const port = String(await freePort());
    issuerUrl = `http://127.0.0.1:${port}`;
    issuer = await startTestIssuer({
      ISSUER_PORT: port,
      ISSUER_BASE_URL: issuerUrl,
      ISSUER_DATABASE_URL: database.url,
    });
  });

  afterAll(async () => {
    await issuer.close();
    removeDatabase();
  });

  /** The client's id, which is `sub` of its tokens, and a token of it. */
  async function tokenOf(id: string): Promise<{ user: string; password: string }> {
    const client = clients.get(id);
    if (client === undefined) throw new Error(`there is no server ${id}`);
    const server = id === 'org' ? 'oauth2' : `oauth2/${id}`;
    const { json } = await send(`${issuerUrl}/${server}/v1/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic(client) },
      body: 'grant_type=client_credentials&scope=read',
    });
    return { user: client.client_id, password: String(json.access_token) };
  }

  const trusting = (id: string, audience: string): Promise<TestGateway> =>
    startTestGateway(binaries, { GATEWAY_ISSUER: `${issuerUrl}/oauth2/${id}`, GATEWAY_AUDIENCE: audience });

  async function currentUser(client: pg.Client): Promise<unknown> {
    await client.connect();
    const { rows } = await client.query<{ current_user: string }>('select current_user');
    await client.end();
    return rows[0]?.current_user;
  }

  it.each(servers)('opens a session when it is signed by $algorithm (17)', async ({ id }) => {
    const gateway = await trusting(id, `api://${id}`);
    try {
      const { user, password } = await tokenOf(id);
      await gateway.admin.query(`create role "${user}" login`);
      expect(await currentUser(clientOf(gateway, password, { user }))).toBe(user);
    } finally {
      await gateway.close();
    }
  });

  it("opens a session when it is the org server's, whose key set has a place of its own (17)", async () => {
    const { user, password } = await tokenOf('org');
    const { iss, aud } = decodeJwt(password);
    const gateway = await startTestGateway(binaries, {
      GATEWAY_ISSUER: String(iss),
      GATEWAY_AUDIENCE: String(aud),
    });
    try {
      await gateway.admin.query(`create role "${user}" login`);
      expect(await currentUser(clientOf(gateway, password, { user }))).toBe(user);
    } finally {
      await gateway.close();
    }
  });

  it('opens a session when it is for one of several audiences (17)', async () => {
    const gateway = await trusting('rsa', 'api://other, api://rsa');
    try {
      const { user, password } = await tokenOf('rsa');
      await gateway.admin.query(`create role "${user}" login`);
      expect(await currentUser(clientOf(gateway, password, { user }))).toBe(user);
    } finally {
      await gateway.close();
    }
  });

  it('is refused when it is for another audience, or of another server of the issuer (15)', async () => {
    const gateway = await trusting('rsa', 'api://other');
    const options = '--crdb:jwt_auth_enabled=true';
    try {
      const ours = await tokenOf('rsa');
      await expect(
        clientOf(gateway, ours.password, { user: ours.user, options }).connect(),
      ).rejects.toMatchObject({ code: '28000', message: 'JWT authentication: invalid audience' });
      const strange = await tokenOf('curve');
      await expect(
        clientOf(gateway, strange.password, { user: strange.user, options }).connect(),
      ).rejects.toMatchObject({ code: '28000', message: 'JWT authentication: invalid token' });
    } finally {
      await gateway.close();
    }
  });

  it('is told apart where its key set can not be had, and the gateway starts all the same (15)', async () => {
    const { user, password } = await tokenOf('rsa');
    const name = `${issuerUrl}/oauth2/rsa`;
    // The last of these tests: the issuer does not come back.
    await issuer.close();
    const gateway = await startTestGateway(binaries, {
      GATEWAY_ISSUER: name,
      GATEWAY_AUDIENCE: 'api://rsa',
    });
    try {
      await expect(
        clientOf(gateway, password, { user, options: '--crdb:jwt_auth_enabled=true' }).connect(),
      ).rejects.toMatchObject({ code: '28000', message: 'JWT authentication: unable to validate token' });
    } finally {
      await gateway.close();
    }
  });
});
