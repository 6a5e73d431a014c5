import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { passwordMessage, startupMessage } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithOpa, startOpaServer } from '../support/opa.js';
import type { OpaServer } from '../support/opa.js';
import { describeWithPostgres } from '../support/postgres.js';
import { inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient, queryMessage } from './support/raw-client.js';
import { temporaryFolder } from '../support/temporary-folder.js';

type Parameters = readonly (readonly [string, string])[];

describeWithPostgres('settings that a client asks for', (binaries) => {
  describeWithOpa('beside OPA', (binary) => {
    const folder = temporaryFolder();
    let opa: OpaServer;
    let gateway: TestGateway;
    beforeAll(async () => {
      const file = join(folder.path, 'own.rego');
      writeFileSync(
        file,
        `package own
default decision := false
decision if input.options.search_path == "public"
decision if input.applicationName == "etl"
`,
      );
      opa = await startOpaServer(binary, file);
      gateway = await startTestGateway(binaries, {
        DOWNSTREAM__SSLMODE: 'allow',
        GATEWAY_OPA_URL: `${opa.origin}/v1/data/own/decision`,
      });
    });
    afterAll(async () => {
      await gateway.close();
      await opa.close();
      folder.remove();
    });

    /** The setting in the session; undefined when there is none. */
    async function inSession(setting: string, parameters: Parameters): Promise<string | undefined> {
      const client = await RawClient.connect(gateway.port);
      client.socket.write(startupMessage([['user', 'alice'], ['database', gateway.database], ...parameters]));
      await client.readUntil('R');
      client.socket.write(
        passwordMessage(signToken({ sub: 'alice', exp: inSeconds(100) }, gateway.privateKey)),
      );
      const isOpen = (await client.readUntil('Z')).at(-1)?.type === 'Z';
      client.socket.write(queryMessage(`show ${setting}`));
      const row = (await client.readUntil('Z')).find(({ type }) => type === 'D');
      client.socket.destroy();
      return isOpen ? row?.body.toString('utf8', 6) : undefined;
    }

    it.each<Parameters>([
      [
        ['options', '-c search_path=public'],
        ['search_path', 'elsewhere'],
      ],
      [
        ['SEARCH_PATH', 'elsewhere'],
        ['options', '--search-path=public'],
      ],
    ])(
      'are judged as the server takes them: a parameter of its own counts last (12)',
      async (...parameters) => {
        expect(await inSession('search_path', parameters)).toBeUndefined();
      },
    );

    it('and a parameter counts whatever the options say', async () => {
      const parameters: Parameters = [
        ['options', '-c search_path=elsewhere'],
        ['search_path', 'public'],
      ];
      expect(await inSession('search_path', parameters)).toBe('public');
    });

    it.each<Parameters>([
      [['application_name', 'etl']],
      [['Application_Name', 'etl']],
      [['options', '-c application_name=etl']],
      [
        ['options', '-c application_name=another'],
        ['APPLICATION_NAME', 'etl'],
      ],
    ])('have the name of the application among them, wherever it stands', async (...parameters) => {
      expect(await inSession('application_name', parameters)).toBe('etl');
    });
  });
});
