import { mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { describeWithPostgres, startPostgres } from '../support/postgres.js';
import type { PostgresServer } from '../support/postgres.js';
import { send } from './support/issuer.js';
import { issuerProcess, listeningIssuer } from './support/issuer-process.js';
import { withStore } from './support/servers.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describeWithPostgres('five issuer processes that start at once on an empty PostgreSQL', (binaries) => {
  let postgres: PostgresServer;

  beforeAll(async () => {
    postgres = await startPostgres(binaries);
  });

  afterAll(() => postgres.close());

  it('make one schema, one pair of servers and one set of keys, and all serve it', async () => {
    const url = await postgres.newDatabase();
    const issuers = await Promise.all(Array.from({ length: 5 }, () => listeningIssuer(url)));
    const keySets = await Promise.all(
      issuers.map(async ({ origin }) => (await send(`${origin}/oauth2/default/v1/keys`)).text),
    );
    expect(new Set(keySets).size).toBe(1);
    await withStore(url, async ({ db }) => {
      const servers = await db.selectFrom('authorization_servers').select('id').orderBy('id').execute();
      expect(servers).toEqual([{ id: 'default' }, { id: 'org' }]);
      const keys = await db.selectFrom('signing_keys').select('state').orderBy('state').execute();
      expect(keys).toEqual([{ state: 'current' }, { state: 'next' }]);
    });
  });
});

/** A port where nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Runs the issuer to its end. */
async function run(databaseUrl: string) {
  const issuer = issuerProcess(databaseUrl);
  return { code: await issuer.ended, ...issuer.output };
}

const oneLine = /^[^\n]+\n$/;

describe('a PostgreSQL that can’t be reached', () => {
  it.each([
    ['where nobody listens', (port: number) => `postgres://issuer:hunter2@127.0.0.1:${port}/db`],
    [
      'where nobody listens, by a name with several addresses',
      (port: number) => `postgres://issuer:hunter2@localhost:${port}/db`,
    ],
    ['on a host that is none', () => 'postgres://issuer:hunter2@nowhere.invalid/db'],
    ['by a URL that is none', () => 'postgres://issuer:hunter2@127.0.0.1:port/db'],
    [
      'by a URL with a stray percent sign',
      (port: number) => `postgres://issuer:hunter2%zz@127.0.0.1:${port}/db`,
    ],
  ])('%s, ends the start with 69 and one line, without the password', async (_, url) => {
    const { code, stdout, stderr } = await run(url(await freePort()));
    expect([code, stdout]).toEqual([69, '']);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/^the issuer's database can't be opened: .{5}/);
    expect(stderr).not.toContain('hunter2');
  });
});

describeWithPostgres('a PostgreSQL that refuses', (binaries) => {
  it('ends the start with 69 and its reason', async () => {
    const postgres = await startPostgres(binaries);
    onTestFinished(() => postgres.close());
    const url = new URL(await postgres.newDatabase());
    url.username = 'nobody';
    url.password = 'hunter2';
    const { code, stderr } = await run(url.href);
    expect([code, stderr]).toEqual([
      69,
      'the issuer\'s database can\'t be opened: role "nobody" does not exist\n',
    ]);
  });
});

describe('a folder that can’t be used', () => {
  function folderForTest(): string {
    const folder = temporaryFolder();
    onTestFinished(folder.remove);
    return folder.path;
  }

  it('since there is a file in its place, ends the start with 78 and one line that names it', async () => {
    const file = join(folderForTest(), 'file');
    writeFileSync(file, '');
    for (const place of [file, join(file, 'below')]) {
      const { code, stdout, stderr } = await run(`pglite:${place}`);
      expect([code, stdout]).toEqual([78, '']);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain(place);
    }
  });

  it('since what is in it is no database, ends the start with 78 and one line', async () => {
    const folder = folderForTest();
    mkdirSync(join(folder, 'database'));
    writeFileSync(join(folder, 'database', 'PG_VERSION'), 'none');
    const { code, stdout, stderr } = await run(`pglite:${folder}`);
    expect([code, stdout]).toEqual([78, '']);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/^the issuer's database can't be opened: /);
  });
});
