import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { startGateway } from '../../src/gateway/start-gateway.js';
import { createLogger } from '../../src/operations/logging.js';
import { readGatewaySettings } from '../../src/settings/gateway-settings.js';
import { valuesOrThrow } from '../../src/settings/report.js';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describeWithPostgres('a static key in a file', (binaries) => {
  const folder = temporaryFolder();
  const file = join(folder.path, 'key.pem');
  const [first, second] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
  const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
  let gateway: TestGateway;
  beforeAll(async () => {
    writeFileSync(file, pem(first.publicKey));
    gateway = await startTestGateway(binaries, { PUBLIC_KEYS__2_FILE: file });
  });
  afterAll(async () => {
    await gateway.close();
    folder.remove();
  });

  const tokenOf = ({ privateKey }: { privateKey: KeyObject }): string =>
    signToken({ sub: 'alice', exp: inSeconds(1_000) }, privateKey);

  async function open(token: string, config: pg.ClientConfig = {}) {
    const client = clientOf(gateway, token, config);
    await client.connect();
    return client;
  }

  it('is replaced while sessions go on, and opens nothing any more, not even by a token that was accepted (27)', async () => {
    const token = tokenOf(first);
    const client = await open(token);
    writeFileSync(file, pem(second.publicKey));
    const next = await vi.waitFor(() => open(tokenOf(second)), { timeout: 20_000, interval: 100 });
    await expect(open(token)).rejects.toMatchObject({ code: '28P01' });
    const other = await open(tokenOf(gateway));
    for (const each of [client, next, other]) {
      expect((await each.query('select current_user')).rows).toEqual([{ current_user: 'alice' }]);
      await each.end();
    }
  });

  it('is that which the file holds when the gateway begins to listen (27)', async () => {
    const another = join(folder.path, 'another.pem');
    writeFileSync(another, pem(first.publicKey));
    const { hostname, port } = new URL(await gateway.postgres.newDatabase());
    const settings = readGatewaySettings({
      PUBLIC_KEYS__1_FILE: another,
      UPSTREAM__HOST: hostname,
      UPSTREAM__PORT: port,
      UPSTREAM__SSLMODE: 'disable',
      DOWNSTREAM__SSLMODE: 'disable',
      DOWNSTREAM__PORT: '0',
      GATEWAY_MANAGEMENT_PORT: '0',
    });
    writeFileSync(another, pem(second.publicKey));
    const other = await startGateway(valuesOrThrow(settings), createLogger({ level: 'silent' }));
    onTestFinished(() => other.close());
    const openThere = (token: string) => open(token, { port: other.port, ssl: false });
    await expect(openThere(tokenOf(first))).rejects.toMatchObject({ code: '28P01' });
    await (await openThere(tokenOf(second))).end();
  });

  it('stays in force when what comes in its place is none, of which the log tells without quoting it (27)', async () => {
    writeFileSync(file, 'sesame');
    await vi.waitFor(() => {
      expect(gateway.log.join('')).toMatch(
        /the static keys were not renewed: .*PUBLIC_KEYS__2 expected an Ed25519/,
      );
    }, 10_000);
    expect(gateway.log.join('')).not.toContain('sesame');
    await (await open(tokenOf(second))).end();
  });
});
