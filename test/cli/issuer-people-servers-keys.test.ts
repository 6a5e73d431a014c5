import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { basic, post, send, startTestIssuer, testPepper } from '../issuer/support/issuer.js';
import type { TestIssuer } from '../issuer/support/issuer.js';
import { describeOnEveryStore } from '../issuer/support/stores.js';
import { builtProject } from '../support/api-build.js';
import { temporaryFolder } from '../support/temporary-folder.js';

let command: string;
beforeAll(() => {
  command = join(builtProject(), 'dist/cli/issuer.js');
});

describeOnEveryStore('the issuer command', ({ newDatabase }) => {
  const folder = temporaryFolder();
  let database: { ISSUER_DATABASE_URL: string };
  let running: TestIssuer;

  beforeAll(async () => {
    const fresh = await newDatabase();
    database = { ISSUER_DATABASE_URL: fresh === 'pglite:memory' ? `pglite:${folder.path}/database` : fresh };
    running = await startTestIssuer(database);
  });
  afterAll(async () => {
    await running.close();
    folder.remove();
  });

  /** Runs the real command; `input` is its standard input. */
  async function issuer(args: readonly string[], input = '') {
    const env = { ISSUER_PEPPER: testPepper, ...database };
    const child = spawn(process.execPath, [command, ...args], { cwd: folder.path, env });
    child.stdin.end(input);
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number]>,
    ]);
    return { code, stdout, stderr };
  }

  async function json(args: readonly string[], input?: string): Promise<Record<string, unknown>> {
    const finished = await issuer([...args, '--json'], input);
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    return JSON.parse(finished.stdout) as Record<string, unknown>;
  }

  const signIn = async (client: Record<string, unknown>, username: string, password: string) =>
    post(
      running,
      'token',
      { grant_type: 'password', username, password, scope: 'openid' },
      { headers: basic(client as unknown as Parameters<typeof basic>[0]) },
    );

  it('makes users whose password comes by standard input, or is shown once', async () => {
    const client = await json(['clients', 'add', 'app', '--scope', 'read', '--grant', 'password']);
    await json(['users', 'add', 'roach@example.test', '--name', 'Roach'], 'correct horse\n');
    expect((await signIn(client, 'roach@example.test', 'correct horse')).status).toBe(200);
    const made = await json(['users', 'add', 'other@example.test', '--generate-password']);
    expect((await signIn(client, 'other@example.test', String(made.password))).status).toBe(200);
    const list = await issuer(['users', 'list']);
    expect(list.stdout).toContain('roach@example.test  Roach');
    expect(list.stdout).not.toContain(made.password);
    const twice = await issuer(['users', 'add', 'ROACH@example.test'], 'another horse');
    expect(twice).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'there is a user "ROACH@example.test" already\n',
    });
    await json(['users', 'remove', 'other@example.test']);
    expect((await signIn(client, 'other@example.test', String(made.password))).json.error).toBe(
      'invalid_grant',
    );
  });

  it('keeps the id that somebody has elsewhere', async () => {
    const id = '00u1elsewhere0000001';
    expect(await json(['users', 'add', 'ann@example.test', '--id', id], 'long enough')).toMatchObject({ id });
    const twice = await issuer(['users', 'add', 'bob@example.test', '--id', id], 'long enough');
    expect(twice).toMatchObject({ code: 1, stderr: `there is a user "${id}" already\n` });
  });

  it.each([
    [['users', 'add', 'a b', '--id', '00u1'], 'long enough', 'an id of a user is 00u and 17 letters'],
    [['users', 'add', 'a b'], 'long enough', 'a login has no spaces'],
    [['users', 'add', 'x@example.test'], 'short', 'a password has 8 to 1000 characters'],
    [['users', 'remove', 'nobody'], '', 'there is no user "nobody"'],
    [['servers', 'add', 'v1', '--audience', 'a'], '', 'the id of a server is a segment of a URL'],
    [['servers', 'add', 'x', '--audience', 'a b'], '', 'an audience has 1 to 500 characters'],
    [
      ['servers', 'add', 'x', '--audience', 'a', '--access-token-seconds', '1'],
      '',
      'live 300 to 86400 seconds',
    ],
    [
      ['servers', 'add', 'default', '--audience', 'a'],
      '',
      'there is an authorization server default already',
    ],
    [['servers', 'remove', 'org'], '', 'org stays'],
    [['servers', 'remove', 'nothing'], '', 'there is no authorization server "nothing"'],
    [['keys', 'remove', 'nothing'], '', 'there is no key "nothing"'],
    [
      ['clients', 'add', 'x', '--scope', 'a', '--server', 'nothing'],
      '',
      'there is no authorization server "nothing"',
    ],
    [['clients', 'add', 'x', '--scope', 'a', '--jwks', 'nothing.json'], '', "nothing.json can't be read"],
  ])('refuses %j in one line', async (args, input, message) => {
    const { code, stdout, stderr } = await issuer(args, input);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('makes an authorization server that the running issuer serves at once, and removes it', async () => {
    await json([
      'servers',
      'add',
      'orders',
      '--audience',
      'api://orders',
      '--algorithm',
      'ES256',
      '--scope',
      'buy',
    ]);
    const client = await json(['clients', 'add', 'shop', '--scope', 'buy', '--server', 'orders']);
    const at = `${running.origin}/oauth2/orders/v1`;
    const keys = await send(`${at}/keys`);
    expect(keys.json.keys).toMatchObject([{ alg: 'ES256' }, { alg: 'ES256' }]);
    const token = await send(`${at}/token`, {
      method: 'POST',
      headers: {
        ...basic(client as unknown as Parameters<typeof basic>[0]),
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'grant_type=client_credentials&scope=buy',
    });
    expect(token.status).toBe(200);
    expect((await issuer(['servers', 'list'])).stdout).toContain('orders  api://orders  ES256');
    await json(['servers', 'remove', 'orders']);
    expect((await issuer(['servers', 'list'])).stdout).not.toContain('orders');
  });

  it('rotates keys: the next one signs, and is announced by a new next one', async () => {
    const states = async () =>
      (await json(['keys', 'list'])).keys as { kid: string; state: string; algorithm: string }[];
    const before = (await states()).filter(({ algorithm }) => algorithm === 'RS256');
    const kidOf = (keys: typeof before, state: string) => keys.find((key) => key.state === state)?.kid;
    await json(['keys', 'rotate', '--algorithm', 'RS256']);
    const after = (await states()).filter(({ algorithm }) => algorithm === 'RS256');
    expect(kidOf(after, 'current')).toBe(kidOf(before, 'next'));
    expect(kidOf(after, 'retired')).toBe(kidOf(before, 'current'));
    expect(before.map(({ kid }) => kid)).not.toContain(kidOf(after, 'next'));
  });

  it('shuts a client out and lets it in again', async () => {
    const client = await json(['clients', 'add', 'switched', '--scope', 'read']);
    const id = String(client.client_id);
    const status = async () => {
      const headers = basic(client as unknown as Parameters<typeof basic>[0]);
      return (await post(running, 'token', { grant_type: 'client_credentials', scope: 'read' }, { headers }))
        .status;
    };
    expect((await issuer(['clients', 'disable', id])).stdout).toBe(
      `disabled ${id}  switched  [read]  disabled\n`,
    );
    expect(await status()).toBe(401);
    expect((await issuer(['clients', 'enable', id])).stdout).toBe(`enabled ${id}  switched  [read]\n`);
    expect(await status()).toBe(200);
  });
});
