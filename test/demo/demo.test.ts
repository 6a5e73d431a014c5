import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeJwt } from 'jose';
import pg from 'pg';
import { apiSettingsTable, readApiSettings } from '../../src/settings/api-settings.js';
import { gatewaySettingsTable } from '../../src/settings/gateway-settings-table.js';
import { readGatewaySettings } from '../../src/settings/gateway-settings.js';
import { builtProject } from '../support/api-build.js';
import { describeWithPostgres } from '../support/postgres.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const folder = temporaryFolder();
const portNames = [
  'PORT',
  'MANAGEMENT_PORT',
  'ISSUER_PORT',
  'ISSUER_MANAGEMENT_PORT',
  'DOWNSTREAM__PORT',
  'GATEWAY_MANAGEMENT_PORT',
] as const;
let ports: Record<string, string>;

async function listenAnywhere(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server) => String((server.address() as AddressInfo).port);

const demoEnvironment = () => parseEnv(readFileSync(join(folder.path, '.demo/app.env'), 'utf8'));

/** Ports that were free a moment ago, all different. */
async function freePorts(): Promise<Record<string, string>> {
  const taken = await Promise.all(portNames.map(async (name) => ({ name, server: await listenAnywhere() })));
  const found = Object.fromEntries(taken.map(({ name, server }) => [name, portOf(server)]));
  await Promise.all(taken.map(({ server }) => once(server.close(), 'close')));
  return found;
}

function start(environment: Record<string, string>, ...args: string[]) {
  const main = join(builtProject(), 'dist/demo/main.js');
  return spawn(process.execPath, [main, ...args], { cwd: folder.path, env: environment });
}

async function demo(environment: Record<string, string>) {
  const child = start(environment, '--once');
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

beforeAll(async () => {
  ports = await freePorts();
});

afterAll(folder.remove);

describe('the demo', () => {
  it('walks through the whole job and exits with 0', async () => {
    const { code, stdout } = await demo(ports);
    expect(code).toBe(0);
    const answers = [...stdout.matchAll(/ {2}< (\d{3}) /g)].map(([, status]) => Number(status));
    expect(answers).toEqual([200, 200, 403, 401, 401, 200, 403, 401, 401, 200, 401]);
    const logins = [...stdout.matchAll(/ > select current_user\n {2}< (.*?) {3}\(as expected\)/g)].map(
      ([, login]) => login,
    );
    const refused = (user: string) => `FATAL 28P01: password authentication failed for user "${user}"`;
    expect(logins).toEqual(['reader', refused('writer'), 'reader', refused('roach')]);
    expect(stdout).not.toContain('NOT AS EXPECTED');
  });

  it('prints no token and no secret', async () => {
    const { stdout, stderr } = await demo(ports);
    const environment = demoEnvironment();
    expect(environment.OKTA_CLIENT_SECRET).toHaveLength(43);
    for (const name of ['DEMO_PASSWORD', 'UPSTREAM__PASSWORD']) expect(environment[name]).toHaveLength(24);
    for (const name of ['OKTA_CLIENT_SECRET', 'ISSUER_PEPPER', 'DEMO_PASSWORD', 'UPSTREAM__PASSWORD'])
      expect(stdout + stderr + readFileSync(join(folder.path, '.demo/demo.log'), 'utf8')).not.toContain(
        environment[name],
      );
    expect(stdout).not.toMatch(/eyJ[\w-]+\.eyJ/);
  });

  it('leaves every setting of API and gateway, for this user only, in .demo/app.env', () => {
    expect(statSync(join(folder.path, '.demo/app.env')).mode & 0o777).toBe(0o600);
    const environment = demoEnvironment();
    for (const { name } of Object.values({ ...apiSettingsTable, ...gatewaySettingsTable }))
      expect(Object.keys(environment)).toContain(name);
    expect(readApiSettings(environment).ok).toBe(true);
    expect(readGatewaySettings(environment).ok).toBe(true);
  });

  /** By the password grant, with what .demo/app.env tells, at a server of its issuer. */
  async function idTokenOfDemoUser(scope: string, server: string): Promise<string> {
    const { ISSUER_BASE_URL, OKTA_CLIENT_ID, OKTA_CLIENT_SECRET, DEMO_USERNAME, DEMO_PASSWORD } =
      demoEnvironment();
    const form = { username: DEMO_USERNAME ?? '', password: DEMO_PASSWORD ?? '', scope };
    const response = await fetch(`${ISSUER_BASE_URL}${server}/v1/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${OKTA_CLIENT_ID}:${OKTA_CLIENT_SECRET}`)}` },
      body: new URLSearchParams({ grant_type: 'password', ...form }),
    });
    const { id_token } = (await response.json()) as { id_token: string };
    return id_token;
  }

  /** As a program of its own would: only by what .demo/app.env tells. */
  async function whoamiBySql(password: string): Promise<unknown> {
    const { DEMO_SQL_URL, DEMO_CA_FILE } = demoEnvironment();
    const ca = readFileSync(join(folder.path, DEMO_CA_FILE ?? ''), 'utf8');
    const { hostname: host, port, username: user, pathname } = new URL(DEMO_SQL_URL ?? '');
    const database = pathname.slice(1);
    const client = new pg.Client({ host, port: Number(port), user, database, password, ssl: { ca } });
    await client.connect();
    const { rows } = await client.query('select current_user');
    await client.end();
    return rows;
  }

  describe('that stays up', () => {
    let child: ChildProcessWithoutNullStreams;
    let printed = '';

    beforeAll(async () => {
      child = start(ports);
      for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
        printed += String(chunk);
        if (printed.includes('/metrics')) break;
      }
    });

    afterAll(async () => {
      child.kill('SIGINT');
      expect(await once(child, 'close')).toEqual([0, null]);
    });

    /** Runs what it prints, up to and including the command that begins so. */
    async function runPrinted(last: string, path = process.env.PATH): Promise<string> {
      const commands = new RegExp(`^ {2}set -a;.*^ {2}${last}[^\\n]*$`, 'ms').exec(printed)?.[0] ?? '';
      const shell = spawn('sh', ['-c', commands], { cwd: folder.path, env: { PATH: path } });
      return text(shell.stdout);
    }

    it('answers the curl that it prints', async () => {
      const answer = await runPrinted('curl -i ');
      expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
      expect(answer).toMatch(/{"message":"Hello there!!"}$/);
    });

    describeWithPostgres('with psql', (binaries) => {
      it('answers the psql that it prints', async () => {
        const answer = await runPrinted('PGPASSWORD=', `${process.env.PATH}:${binaries}`);
        expect(answer).toMatch(/^ reader$/m);
      });
    });

    it('tells who a person is', async () => {
      expect(decodeJwt(await idTokenOfDemoUser('openid profile', '/oauth2/default'))).toMatchObject({
        preferred_username: 'roach',
        name: 'Roach',
      });
    });

    it.each(['/oauth2', '/oauth2/default'])('opens the database to an ID token of %s', async (server) => {
      const idToken = await idTokenOfDemoUser('openid offline_access', server);
      expect(await whoamiBySql(idToken)).toEqual([{ current_user: 'reader' }]);
    });
  });

  it.each(portNames)('exits with 69 and one line when the port of %s is in use', async (name) => {
    const server = await listenAnywhere();
    const port = portOf(server);
    const { code, stderr } = await demo({ ...ports, [name]: port });
    server.close();
    expect(code).toBe(69);
    expect(stderr).toContain(`port ${port} is in use; set ${name} to another port\n`);
  });
});
