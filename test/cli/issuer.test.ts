import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { startTestIssuer, testPepper, tokenFor } from '../issuer/support/issuer.js';
import { builtProject } from '../support/api-build.js';
import { temporaryFolder } from '../support/temporary-folder.js';

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const folder = temporaryFolder();
const database = { ISSUER_DATABASE_URL: `pglite:${folder.path}/database` };
let command: string;

beforeAll(() => {
  command = join(builtProject(), 'dist/cli/issuer.js');
});

afterAll(folder.remove);

/** Runs the real command with these settings and no others. */
async function issuer(args: readonly string[], environment: Record<string, string> = {}): Promise<Finished> {
  const env = { ISSUER_PEPPER: testPepper, ...database, ...environment };
  const child = spawn(process.execPath, [command, ...args], { cwd: folder.path, env });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

async function addClient(): Promise<ClientWithSecret> {
  const added = await issuer(['clients', 'add', 'greeter', '--scope', 'read_sayhello', '--json']);
  expect(added).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(added.stdout) as ClientWithSecret;
}

describe('the issuer command', () => {
  it('makes a client before the issuer runs, whose credentials are good when it does', async () => {
    const client = await addClient();
    const running = await startTestIssuer(database);
    expect(await tokenFor(running, client, 'read_sayhello')).toMatch(/^eyJ/);
    await running.close();
  });

  it('makes, lists, changes and removes a client while the issuer runs', async () => {
    const running = await startTestIssuer(database);
    const client = await addClient();
    expect(await tokenFor(running, client, 'read_sayhello')).toMatch(/^eyJ/);
    const list = await issuer(['clients', 'list']);
    expect(list.stdout).toContain(`${client.client_id}  greeter  [read_sayhello]`);
    expect(list.stdout).not.toContain(client.client_secret);
    const rotated = await issuer(['clients', 'rotate-secret', client.client_id, '--json']);
    expect(await tokenFor(running, client, 'read_sayhello')).toBe('undefined');
    const changed = JSON.parse(rotated.stdout) as ClientWithSecret;
    expect(await tokenFor(running, changed, 'read_sayhello')).toMatch(/^eyJ/);
    await issuer(['clients', 'remove', client.client_id]);
    expect(await tokenFor(running, changed, 'read_sayhello')).toBe('undefined');
    const again = await issuer(['clients', 'remove', client.client_id]);
    expect(again).toMatchObject({ code: 1, stderr: `there is no client "${client.client_id}"\n` });
    await running.close();
  });

  it.each([
    [['clients', 'add', 'x'], {}, 64, /required option '--scope <scope...>' not specified/],
    [['clients', 'explode'], {}, 64, /unknown command 'explode'/],
    [['clients', 'add', '', '--scope', 'a'], {}, 1, /a client's name has 1 to 100 characters/],
    [['clients', 'list'], { ISSUER_PEPPER: '' }, 78, /ISSUER_PEPPER is required in production/],
    [['clients', 'list'], { ISSUER_PEPPER: 'short' }, 78, /ISSUER_PEPPER expected at least 32 characters/],
    [['clients', 'list'], { ISSUER_DATABASE_URL: 'pglite:memory' }, 78, /name a folder/],
    [
      ['clients', 'list'],
      { ISSUER_DATABASE_URL: 'mysql://x' },
      78,
      /ISSUER_DATABASE_URL expected pglite:memory, /,
    ],
  ])('tells what is wrong with %j under %j, by exit code %i', async (args, environment, code, message) => {
    const finished = await issuer(args, environment);
    expect(finished.code).toBe(code);
    expect(finished.stderr).toMatch(message);
    expect(finished.stderr).not.toMatch(/at .*\.js:\d+/);
    expect(finished.stderr).not.toContain(testPepper);
  });
});
