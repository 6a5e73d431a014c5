import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { policySources } from '../../scripts/lib/policies.mjs';
import { fixture } from '../policy/support/real-opa.js';
import { startApiWorld, testApiForTest } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';
import { describeWithOpa, startOpaServer } from '../support/opa.js';
import { startMisbehavingServer } from '../support/misbehaving-server.js';
import { copyOfPolicies, policies } from './support.js';

async function opaForTest(opa: string, ...args: readonly string[]): Promise<string> {
  const server = await startOpaServer(opa, ...args);
  onTestFinished(() => server.close());
  return server.origin;
}

let world: ApiWorld;

beforeAll(async () => {
  world = await startApiWorld();
});

afterAll(() => world.close());

/** What an API that asks this OPA answers to a token with `read_sayhello`. */
async function answersOfApi(opaOrigin: string): Promise<Record<string, number>> {
  const url = `${opaOrigin}/v1/data/demoapi/authz/allow`;
  const api = await testApiForTest(world.environment({ OPA_AUTHZ_URL: url, OPA_MODE: 'sidecar' }));
  const headers = { authorization: `Bearer ${await world.token()}` };
  const statusOf = async (path: string) =>
    (await fetch(`http://127.0.0.1:${api.port}${path}`, { headers })).status;
  return { '/sayhello': await statusOf('/sayhello'), '/saysecret': await statusOf('/saysecret') };
}

describeWithOpa('npm run policies:push', (opa) => {
  it('puts all of policies/ into a running OPA, and the API works with it at once', async () => {
    const origin = await opaForTest(opa);
    expect(await answersOfApi(origin)).toEqual({ '/sayhello': 403, '/saysecret': 403 });
    const { code, stdout } = await policies('push', '--url', origin);
    expect(code).toBe(0);
    const pushed = policySources().filter(({ path }) => path !== '.manifest');
    expect(stdout.trim().split('\n')).toHaveLength(pushed.length);
    expect(await answersOfApi(origin)).toEqual({ '/sayhello': 200, '/saysecret': 403 });
  });

  it("puts the article's own policy, in Rego v0, into an OPA started for it, and the API works as it is", async () => {
    const origin = await opaForTest(opa, '--v0-compatible');
    const article = fixture('article-v0.rego');
    expect(await policies('push', article, '--id', 'demoapi', '--url', origin)).toMatchObject({
      code: 0,
      stdout: `policy demoapi is in force at ${origin}\n`,
    });
    expect(await answersOfApi(origin)).toEqual({ '/sayhello': 200, '/saysecret': 403 });
  });

  it("tells what OPA's compiler says of a policy, with exit code 1, and leaves the old one in force", async () => {
    const origin = await opaForTest(opa);
    await policies('push', '--url', origin);
    const broken = join(copyOfPolicies(), 'broken.rego');
    writeFileSync(broken, 'package demoapi.authz\n\nallow := nothing\n');
    const { code, stderr } = await policies(
      'push',
      broken,
      '--id',
      'demoapi/authz/authz.rego',
      '--url',
      origin,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/answered 400: .*\n {2}demoapi\/authz\/authz\.rego:3: var nothing is unsafe\n$/);
    expect(await answersOfApi(origin)).toEqual({ '/sayhello': 200, '/saysecret': 403 });
  });
});

describe('npm run policies:push, when it can’t', () => {
  it('says that OPA does not answer, in one line', async () => {
    const gone = await startMisbehavingServer(() => undefined);
    await gone.close();
    const { code, stderr } = await policies('push', '--url', gone.origin);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^no answer from http:\/\/127[^\n]*ECONNREFUSED[^\n]*\n$/),
    ]);
  });

  it('does not take it for done when another text is read back', async () => {
    const forgetful = await startMisbehavingServer((_, response) => {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"result":{"raw":"package other"}}');
    });
    onTestFinished(() => forgetful.close());
    const { code, stderr } = await policies('push', fixture('article-v0.rego'), '--url', forgetful.origin);
    expect([code, stderr]).toEqual([1, expect.stringContaining('holds another text than was sent')]);
  });

  it.each([
    [['--url', 'ftp://x'], 'ftp://x is no http URL\n'],
    [['a.rego', 'b.rego'], /^usage: /],
    [['--force'], /Unknown option '--force'[^]*usage: /],
    [['nowhere.rego'], /^nowhere\.rego can't be read: /],
  ])('answers %j with what to do', async (args, message) => {
    const { code, stderr } = await policies('push', ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });
});
