import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { createTokenTable, verdictIn } from '../support/token-table.js';
import type { TokenRow } from '../support/token-table.js';
import { keySetOf, testAudience, testClientId, testNow } from '../support/tokens.js';
import { clientOf, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';

const keyServer = createServer((_request, response) => response.end(JSON.stringify(keySetOf(table.key))));
keyServer.listen(0, '127.0.0.1');
await once(keyServer, 'listening');
const issuer = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}/oauth2/default`;
const table = await createTokenTable(issuer);

/** What the gateway lets in although the API does not, and why. */
const exceptions: Readonly<Record<string, string>> = {
  'of another client': 'the gateway has no list of clients: the role has to be the subject',
  'without cid': 'ID tokens and tokens of static keys have none',
  'with a claim that @okta/jwt-verifier cannot read': 'that library has no part in the gateway',
};

const isAccepted = (row: TokenRow): boolean =>
  row.note in exceptions || verdictIn('local', row) === 'accepted';

/** The subject, so that nothing is refused for the role alone. */
function roleOf(token: string): string {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object;
    if ('sub' in claims && typeof claims.sub === 'string' && claims.sub !== '') return claims.sub;
  } catch {
    // No token at all.
  }
  return testClientId;
}

describeWithPostgres('a token of the parity table', (binaries) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    const environment = { GATEWAY_ISSUER: issuer, GATEWAY_AUDIENCE: testAudience };
    gateway = await startTestGateway(binaries, environment, () => testNow);
    for (const role of [testClientId, 'roach@example.test'])
      await gateway.admin.query(`create role "${role}" login`);
  });
  afterAll(() => gateway.close());

  /** The role of the session, or the SQLSTATE of the refusal. */
  async function answerTo({ token }: TokenRow): Promise<string | undefined> {
    const client = clientOf(gateway, token, { user: roleOf(token) });
    try {
      await client.connect();
      return (await client.query<{ current_user: string }>('select current_user')).rows[0]?.current_user;
    } catch (error) {
      if (error instanceof pg.DatabaseError) return error.code;
      throw error;
    } finally {
      await client.end();
    }
  }

  it.each(table.rows.filter(isAccepted))('$note opens a session as its subject', async (row) => {
    expect(await answerTo(row)).toBe(roleOf(row.token));
  });

  it.each(table.rows.filter((row) => !isAccepted(row)))('$note is refused with 28P01', async (row) => {
    expect(await answerTo(row)).toBe('28P01');
  });
});

describe('the exceptions of the gateway', () => {
  afterAll(() => keyServer.close());

  it('are tokens that the API refuses', () => {
    const refused = table.rows.filter((row) => verdictIn('local', row) === 'refused').map(({ note }) => note);
    expect(refused).toEqual(expect.arrayContaining(Object.keys(exceptions)));
  });
});
