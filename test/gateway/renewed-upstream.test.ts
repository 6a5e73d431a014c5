import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { makeAuthority } from './upstream/support/certificates.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describeWithPostgres('what the gateway knows of the server', (binaries) => {
  let gateway: TestGateway;
  afterEach(() => gateway.close());

  async function open(): Promise<pg.Client> {
    const client = clientOf(gateway, signToken({ sub: 'alice', exp: inSeconds(1_000) }, gateway.privateKey));
    await client.connect();
    return client;
  }

  async function areAlive(...clients: readonly pg.Client[]): Promise<void> {
    for (const client of clients) {
      expect((await client.query('select current_user')).rows).toEqual([{ current_user: 'alice' }]);
      await client.end();
    }
  }

  /** What a login is refused with. */
  async function loginCode(): Promise<unknown> {
    try {
      await areAlive(await open());
      return undefined;
    } catch (error) {
      return (error as pg.DatabaseError).code;
    }
  }

  const unavailable = '08006';
  const unbelieved = '08001';
  const untilLogged = (text: RegExp): Promise<void> =>
    vi.waitFor(() => {
      expect(gateway.log.join('')).toMatch(text);
    }, 10_000);

  describe('its password, in a file', () => {
    const folder = temporaryFolder();
    const file = join(folder.path, 'password');

    async function startWith(content: string): Promise<void> {
      writeFileSync(file, content);
      gateway = await startTestGateway(binaries, { UPSTREAM__PASSWORD_FILE: file });
      const { rows } = await gateway.admin.query<{ hba_file: string }>('show hba_file');
      const hbaFile = rows[0]?.hba_file ?? '';
      writeFileSync(hbaFile, `host all alice all scram-sha-256\n${readFileSync(hbaFile, 'utf8')}`);
      await gateway.admin.query('select pg_reload_conf()');
      await setPassword('first-sesame');
    }
    beforeEach(() => startWith('first-sesame\n'));

    afterAll(() => {
      folder.remove();
    });

    const setPassword = (password: string) => gateway.admin.query(`alter role alice password '${password}'`);

    it('is replaced while sessions go on (27)', async () => {
      const before = await vi.waitFor(open, 10_000);
      await setPassword('second-sesame');
      expect(await loginCode()).toBe(unavailable);
      writeFileSync(file, 'second-sesame\n');
      const after = await vi.waitFor(open, { timeout: 20_000, interval: 100 });
      await areAlive(before, after);
    });

    it('comes into its file later, and stays in force when it leaves that again (27)', async () => {
      await gateway.close();
      await startWith('');
      await vi.waitFor(async () => {
        expect(await loginCode()).toBe(unavailable);
      }, 10_000);
      writeFileSync(file, 'first-sesame\n');
      await areAlive(await vi.waitFor(open, { timeout: 20_000, interval: 100 }));
      writeFileSync(file, '');
      await untilLogged(/was not renewed: UPSTREAM__PASSWORD_FILE is empty/);
      await areAlive(await open());
    });

    it.each<[string, () => void, RegExp]>([
      [
        'is empty',
        () => {
          writeFileSync(file, '');
        },
        /was not renewed: UPSTREAM__PASSWORD_FILE is empty/,
      ],
      [
        'has gone',
        () => {
          rmSync(file);
        },
        /was not renewed: .*UPSTREAM__PASSWORD could not be read/,
      ],
    ])('stays in force when the file %s (27)', async (_, change, told) => {
      await areAlive(await vi.waitFor(open, 10_000));
      change();
      await untilLogged(told);
      await areAlive(await open());
      expect(gateway.log.join('')).not.toContain('sesame');
    });
  });

  describe('the authorities that it is believed by', () => {
    const stranger = makeAuthority();
    stranger.close();

    beforeEach(async () => {
      gateway = await startTestGateway(binaries, { UPSTREAM__SSLMODE: 'verify-full' });
    });

    it('are replaced while sessions go on, and nobody comes in by those before (27)', async () => {
      const before = await open();
      writeFileSync(gateway.caFile, stranger.ca);
      await vi.waitFor(async () => {
        expect(await loginCode()).toBe(unbelieved);
      }, 20_000);
      writeFileSync(gateway.caFile, gateway.ca);
      const after = await vi.waitFor(open, { timeout: 20_000, interval: 100 });
      await areAlive(before, after);
    });

    it.each([
      ['nothing', ''],
      ['no certificate', 'sesame'],
    ])('stay in force when the file holds %s (27)', async (_, content) => {
      writeFileSync(gateway.caFile, content);
      await untilLogged(/the authorities of UPSTREAM__CAFILE were not renewed/);
      await areAlive(await open());
    });
  });
});
