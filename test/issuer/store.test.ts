import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FolderInUse, lockFolder } from '../../src/issuer/store/folder-lock.js';
import { openStore } from '../../src/issuer/store/open-store.js';
import { basic, post, send, startTestIssuer, testPepper, tokenFor } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';
import { temporaryFolder } from '../support/temporary-folder.js';

function folderForTest(): string {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  return folder.path;
}

const keysOf = async (issuer: TestIssuer) => (await send(`${issuer.origin}/oauth2/default/v1/keys`)).text;

describe('the embedded database', () => {
  it('keeps clients, keys and revocations over a restart', async () => {
    const settings = { ISSUER_DATABASE_URL: `pglite:${folderForTest()}` };
    const first = await startTestIssuer(settings);
    const client = await first.registry.add({ name: 'kept', scopes: ['read_sayhello'] });
    const [token, revoked] = [
      await tokenFor(first, client, 'read_sayhello'),
      await tokenFor(first, client, 'read_sayhello'),
    ];
    await post(first, 'revoke', { token: revoked }, { headers: basic(client) });
    const keys = await keysOf(first);
    await first.close();
    const second = await startTestIssuer(settings);
    const introspect = (of: string) => post(second, 'introspect', { token: of }, { headers: basic(client) });
    expect(await keysOf(second)).toBe(keys);
    expect((await introspect(token)).json.active).toBe(true);
    expect((await introspect(revoked)).json.active).toBe(false);
    await second.close();
  });

  it('has private keys only as ciphertext, in no file of the folder', async () => {
    const folder = folderForTest();
    const store = await startTestIssuer({ ISSUER_DATABASE_URL: `pglite:${folder}` });
    await store.close();
    const opened = await openStore(`pglite:${folder}`);
    const rows = await opened.db.selectFrom('signing_keys').selectAll().execute();
    await opened.close();
    expect(rows.map(({ state }) => state).toSorted()).toEqual(['current', 'next']);
    // DER of an RSA private key in PKCS #8: the object identifier of RSA in its frame.
    const frame = Buffer.from('020100300d06092a864886f70d0101010500', 'hex');
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    expect(files.length).toBeGreaterThan(10);
    for (const file of files)
      expect(readFileSync(join(file.parentPath, file.name)).includes(frame)).toBe(false);
  });

  it('does not open its keys under another pepper, and opens them when the old one stands behind the new', async () => {
    const settings = { ISSUER_DATABASE_URL: `pglite:${folderForTest()}` };
    const first = await startTestIssuer(settings);
    const client = await first.registry.add({ name: 'old', scopes: ['read_sayhello'] });
    await first.close();
    const other = 'another pepper of at least 32 characters';
    await expect(startTestIssuer({ ...settings, ISSUER_PEPPER: other })).rejects.toThrow(
      'the signing key is sealed under another ISSUER_PEPPER; add the old one behind the new one',
    );
    const both = await startTestIssuer({ ...settings, ISSUER_PEPPER: `${other},${testPepper}` });
    expect(await tokenFor(both, client, 'read_sayhello')).toMatch(/^eyJ/);
    await both.close();
  });

  it('is for this user only', async () => {
    const folder = join(folderForTest(), 'made');
    const issuer = await startTestIssuer({ ISSUER_DATABASE_URL: `pglite:${folder}` });
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'registry.sock')).mode & 0o777).toBe(0o600);
    await issuer.close();
  });

  it('gets a pepper of its own in development, and keeps it', async () => {
    const folder = folderForTest();
    const settings = {
      ISSUER_MODE: 'development',
      ISSUER_PEPPER: '',
      ISSUER_DATABASE_URL: `pglite:${folder}`,
    };
    const first = await startTestIssuer(settings);
    const client = await first.registry.add({ name: 'kept', scopes: ['read_sayhello'] });
    await first.close();
    expect(statSync(join(folder, 'pepper')).mode & 0o777).toBe(0o600);
    const second = await startTestIssuer(settings);
    expect(await tokenFor(second, client, 'read_sayhello')).toMatch(/^eyJ/);
    await second.close();
  });
});

describe('the lock of the folder', () => {
  it('keeps a second holder out, naming the process that has it', () => {
    const folder = folderForTest();
    const lock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(FolderInUse);
    expect(() => lockFolder(folder)).toThrow(`is in use by process ${process.pid}`);
    lock.release();
    lockFolder(folder).release();
  });

  // The largest process id that Linux gives is 2^22.
  it.each(['4194305', '', 'nonsense'])('is taken over from a process that is gone: %j', (content) => {
    const folder = folderForTest();
    writeFileSync(join(folder, 'lock'), content);
    lockFolder(folder).release();
  });
});
