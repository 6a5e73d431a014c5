import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeJwt } from 'jose';
import { apiSettingsTable, readApiSettings } from '../../src/settings/api-settings.js';
import { temporaryFolder } from '../issuer/support/issuer.js';
import { builtProject } from '../support/api-build.js';

const folder = temporaryFolder();
const portNames = ['PORT', 'MANAGEMENT_PORT', 'ISSUER_PORT', 'ISSUER_MANAGEMENT_PORT'] as const;
let ports: Record<string, string>;

async function listenAnywhere(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server) => String((server.address() as AddressInfo).port);

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
    expect(stdout).not.toContain('NOT AS EXPECTED');
  });

  it('prints no token and no secret', async () => {
    const { stdout, stderr } = await demo(ports);
    const { OKTA_CLIENT_SECRET, ISSUER_PEPPER, DEMO_PASSWORD } = parseEnv(
      readFileSync(join(folder.path, '.demo/app.env'), 'utf8'),
    );
    expect(OKTA_CLIENT_SECRET).toHaveLength(43);
    expect(DEMO_PASSWORD).toHaveLength(24);
    for (const secret of [OKTA_CLIENT_SECRET ?? '', ISSUER_PEPPER ?? '', DEMO_PASSWORD ?? ''])
      expect(stdout + stderr).not.toContain(secret);
    expect(stdout).not.toMatch(/eyJ[\w-]+\.eyJ/);
  });

  it('leaves every setting of the API, for this user only, in .demo/app.env', () => {
    const file = join(folder.path, '.demo/app.env');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const environment = parseEnv(readFileSync(file, 'utf8'));
    for (const { name } of Object.values(apiSettingsTable)) expect(Object.keys(environment)).toContain(name);
    expect(readApiSettings(environment).ok).toBe(true);
  });

  /** By the password grant, with what .demo/app.env tells. */
  async function idTokenOfDemoUser(): Promise<object> {
    const environment = parseEnv(readFileSync(join(folder.path, '.demo/app.env'), 'utf8'));
    const { OKTA_ISSUER, OKTA_CLIENT_ID, OKTA_CLIENT_SECRET, DEMO_USERNAME, DEMO_PASSWORD } = environment;
    const form = { username: DEMO_USERNAME ?? '', password: DEMO_PASSWORD ?? '', scope: 'openid profile' };
    const response = await fetch(`${OKTA_ISSUER}/v1/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${OKTA_CLIENT_ID}:${OKTA_CLIENT_SECRET}`)}` },
      body: new URLSearchParams({ grant_type: 'password', ...form }),
    });
    const { id_token } = (await response.json()) as { id_token: string };
    return decodeJwt(id_token);
  }

  it('stays up for the commands that it prints, until Ctrl-C', async () => {
    const child = start(ports);
    let printed = '';
    for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      printed += String(chunk);
      if (printed.includes('/metrics')) break;
    }
    const commands = /^ {2}set -a;.*^ {2}curl -i [^\n]*$/ms.exec(printed)?.[0] ?? '';
    const shell = spawn('sh', ['-c', commands], { cwd: folder.path, env: { PATH: process.env.PATH } });
    const answer = await text(shell.stdout);
    expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
    expect(answer).toMatch(/{"message":"Hello there!!"}$/);
    expect(await idTokenOfDemoUser()).toMatchObject({ preferred_username: 'roach', name: 'Roach' });
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([0, null]);
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
