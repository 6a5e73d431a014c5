import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { describeWithVectors, readJsonFile } from '../support/vectors.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient } from './support/raw-client.js';

/** Asked for a password, or for the rest of the packet, they wait: the deadline ends them. */
const deadline = '57P03';

/** What the client is told last; other cases than these are told 08P01. */
const sqlStates: Readonly<Record<string, string>> = {
  'startup-no-user': '28000',
  'startup-empty-user': '28000',
  'startup-db-1MB-name-in-10k': '22023',
  'startup-proto-2': '0A000',
  'password-empty': '28P01',
  'cancel-unknown-key': 'nothing',
  'half-open': deadline,
  // The policy judges settings, and only behind the token.
  'startup-search_path': deadline,
  'startup-options-c-role': deadline,
  'startup-replication': deadline,
  'startup-pq-protocol-ext': deadline,
};

/** A matter of a listener that requires TLS; a test of logins has it. */
const plaintextCase = 'ssl-refused-when-required (send StartupMessage in clear)';

const authenticationOk = 'R\0\0\0\u0008\0\0\0\0';

describeWithVectors('hostile startup packets at a gateway', 'hostile/pg-startup.json', (file) => {
  const { cases } = readJsonFile(file) as { cases: { id: string; hex: string }[] };

  it('are thirty-one', () => {
    expect(cases).toHaveLength(31);
  });

  describeWithPostgres('in front of PostgreSQL', (binaries) => {
    let gateway: TestGateway;
    beforeAll(async () => {
      gateway = await startTestGateway(binaries, {
        DOWNSTREAM__SSLMODE: 'allow',
        GATEWAY_LOGIN_TIMEOUT_MS: '2000',
      });
    });
    afterAll(() => gateway.close());

    async function logIn(): Promise<void> {
      const client = clientOf(gateway, signToken({ sub: 'alice', exp: inSeconds(100) }, gateway.privateKey));
      await client.connect();
      await client.end();
    }

    const judgedHere = cases.filter(({ id }) => id !== plaintextCase);

    it.each(judgedHere)(
      '$id: the connection ends without a session, while another client logs in (5)',
      async ({ id, hex }) => {
        const attacker = await RawClient.connect(gateway.port);
        attacker.socket.write(Buffer.from(hex, 'hex'));
        await logIn();
        const answer = await attacker.rest();
        attacker.socket.destroy();
        expect(answer).not.toContain(authenticationOk);
        expect(/\0C([0-9A-Z]{5})\0/.exec(answer)?.[1] ?? 'nothing').toBe(sqlStates[id] ?? '08P01');
        await logIn();
      },
    );
  });
});
