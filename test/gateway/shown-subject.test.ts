import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { passwordMessage, startupMessage } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient, queryMessage } from './support/raw-client.js';

type Parameters = readonly (readonly [string, string])[];

describeWithPostgres('the subject of a token, for audit', (binaries) => {
  let gateway: TestGateway;

  /** Without a policy the subject is the user: here they differ, so that anything can be the subject. */
  const startGateway = async (subjectIn: string): Promise<void> => {
    gateway = await startTestGateway(binaries, {
      DOWNSTREAM__SSLMODE: 'allow',
      GATEWAY_SUBJECT_IN: subjectIn,
      GATEWAY_OPA_URL: 'http://localhost:8181/v1/data/demoapi/sql/decision',
      GATEWAY_OPA_MODE: 'embedded',
    });
    for (const statement of ['create database demo', 'create role reader login'])
      await gateway.admin.query(statement);
  };

  /** What the server shows of it in a session that was opened with these parameters. */
  async function shown(setting: string, subject: string, parameters: Parameters = []): Promise<string> {
    const client = await RawClient.connect(gateway.port);
    client.socket.write(startupMessage([['user', 'reader'], ['database', 'demo'], ...parameters]));
    await client.readUntil('R');
    const claims = { sub: subject, scp: ['read_sayhello'], exp: inSeconds(100) };
    client.socket.write(passwordMessage(signToken(claims, gateway.privateKey)));
    const last = (await client.readUntil('Z')).at(-1);
    if (last?.type !== 'Z') throw new Error(`no session: ${last?.body.toString() ?? 'nothing'}`);
    client.socket.write(queryMessage(`show ${setting}`));
    const row = (await client.readUntil('Z')).find(({ type }) => type === 'D');
    client.socket.destroy();
    await once(client.socket, 'close');
    // Behind the number of columns and the length of the one.
    return row?.body.toString('utf8', 6) ?? '';
  }

  describe('in a setting of the session', () => {
    beforeAll(() => startGateway('gateway.subject'));
    afterAll(() => gateway.close());

    it.each(['00u1', 'Ada Lovelace', "o'reilly\\", '-c role=writer', 'zwei\nzeilen', 'für 你好'])(
      'is shown as it is: %j',
      async (subject) => {
        expect(await shown('gateway.subject', subject)).toBe(subject);
      },
    );

    it.each<[string, Parameters]>([
      ['as a parameter of its own', [['gateway.subject', 'another']]],
      ['in another case', [['Gateway.Subject', 'another']]],
      ['among the options', [['options', '-c gateway.subject=another']]],
      ['behind options that take the next word', [['options', '-c application_name=a\\']]],
    ])('is what the token says, whatever the client asks for %s', async (_, parameters) => {
      expect(await shown('gateway.subject', '00u1', parameters)).toBe('00u1');
    });

    it('has something else for a NUL, which would end it and begin another parameter', async () => {
      expect(await shown('gateway.subject', '00u1\0role\0writer')).toBe('00u1\ufffdrole\ufffdwriter');
    });
  });

  describe('in the name of the application', () => {
    beforeAll(() => startGateway('application_name'));
    afterAll(() => gateway.close());

    it.each<[string, Parameters, string]>([
      ['00u1', [], '00u1'],
      ['00u1', [['application_name', 'psql']], 'psql (00u1)'],
      ['00u1', [['Application_Name', 'psql']], '00u1'],
      ['00u1', [['options', '-c application_name=another']], '00u1'],
      ['x'.repeat(100), [], 'x'.repeat(63)],
    ])('%j is shown with %j as %j', async (subject, parameters, name) => {
      expect(await shown('application_name', subject, parameters)).toBe(name);
    });
  });
});
