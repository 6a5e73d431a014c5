import { afterAll, beforeAll, expect, it } from 'vitest';
import { cancelRequest, startupMessage } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient, queryMessage } from './support/raw-client.js';
import { openRawSession, startupOf } from './support/raw-session.js';
import type { RawSession } from './support/raw-session.js';

describeWithPostgres('the startup message of a client', (binaries) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(binaries, { DOWNSTREAM__SSLMODE: 'allow' });
    await gateway.admin.query('create database alice');
    await gateway.admin.query('alter role alice replication');
  });
  afterAll(() => gateway.close());

  const plain = (): Promise<RawClient> => RawClient.connect(gateway.port);

  async function open(startup: Buffer): Promise<RawSession> {
    return openRawSession(gateway, await plain(), startup);
  }

  /** The first row of the answer: its columns as text, one after another. */
  async function firstRow({ client }: RawSession, statement: string): Promise<string> {
    client.socket.write(queryMessage(statement));
    const messages = await client.readUntil('Z');
    client.socket.destroy();
    return messages.find(({ type }) => type === 'D')?.body.toString() ?? 'no row';
  }

  it('reaches the server with every parameter (10)', async () => {
    const parameters = {
      application_name: 'an application',
      DateStyle: 'German',
      TimeZone: 'Asia/Tokyo',
      extra_float_digits: '2',
      options: '-c search_path=elsewhere --work_mem=1MB',
    };
    const session = await open(startupOf(gateway, parameters));
    const told = session.greeting.filter(({ type }) => type === 'S').map(({ body }) => body.toString());
    expect(told).toEqual(
      expect.arrayContaining(['application_name\0an application\0', 'DateStyle\0German, DMY\0']),
    );
    const names = ['TimeZone', 'extra_float_digits', 'search_path', 'work_mem'];
    const shown = names.map((name) => `current_setting('${name}')`).join(` || ' ' || `);
    expect(await firstRow(session, `select ${shown}`)).toContain('Asia/Tokyo 2 elsewhere 1MB');
  });

  it('may ask for replication (10)', async () => {
    const session = await open(startupOf(gateway, { replication: 'database' }));
    expect(await firstRow(session, 'IDENTIFY_SYSTEM')).toContain(gateway.database);
  });

  it('has the name of the user as database when it names none (9)', async () => {
    const session = await open(startupMessage([['user', 'alice']]));
    expect(await firstRow(session, 'select current_database()')).toContain('alice');
  });

  it.each<[string, Buffer, string]>([
    [
      'of another protocol',
      Buffer.from([0, 0, 0, 9, 0, 2, 0, 0, 0]),
      '0A000\0Munsupported frontend protocol 2.0',
    ],
    [
      'without a user',
      startupMessage([['database', 'alice']]),
      '28000\0Mno PostgreSQL user name specified in startup packet\0',
    ],
  ])('%s is refused before a password is asked for (9)', async (_, packet, words) => {
    const client = await plain();
    client.socket.write(packet);
    const [refusal] = await client.readUntil('E');
    expect(refusal?.type).toBe('E');
    expect(refusal?.body.toString()).toContain(`SFATAL\0VFATAL\0C${words}`);
    expect(await client.rest()).toBe('');
  });

  it('of protocol 3.2 is answered by 3.0, by whose short key the client cancels (8)', async () => {
    const client = await plain();
    const { processId, secret } = await openRawSession(gateway, client, startupOf(gateway, {}, 2));
    expect(secret).toHaveLength(4);
    client.socket.write(queryMessage("do $$ begin raise notice 'begun'; perform pg_sleep(60); end $$"));
    await client.readUntil('N');
    const canceller = await plain();
    canceller.socket.end(cancelRequest(processId, secret));
    expect(await canceller.rest()).toBe('');
    const messages = await client.readUntil('Z');
    expect(messages.find(({ type }) => type === 'E')?.body.toString()).toContain('C57014');
    client.socket.destroy();
  });
});
