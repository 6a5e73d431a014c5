import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundlesOf } from '../../scripts/lib/policies.mjs';
import { describeWithPostgres } from '../support/postgres.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Line = Readonly<Record<string, unknown>>;

function linesOf({ log }: TestGateway, msg: string): Line[] {
  return log.map((line) => JSON.parse(line) as Line).filter((line) => line.msg === msg);
}

async function metric({ managementPort }: TestGateway, name: string): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text();
  const line = page.split('\n').find((each) => each.startsWith(`nest_okta_opa_gateway_${name} `));
  return line === undefined ? NaN : Number(line.slice(line.lastIndexOf(' ')));
}

describeWithPostgres('what an operator sees of the gateway', (binaries) => {
  let gateway: TestGateway;
  const password = (sub = 'alice') =>
    signToken({ sub, jti: `of ${sub}`, exp: inSeconds(100) }, gateway.privateKey);

  describe('without a policy', () => {
    beforeAll(async () => {
      gateway = await startTestGateway(binaries);
    });
    afterAll(() => gateway.close());

    it('is a line for the login and one for the end of its session, with one decision id', async () => {
      const client = clientOf(gateway, password());
      await client.connect();
      await client.query('select 1');
      await client.end();
      const ended = await vi.waitFor(() => {
        const [line] = linesOf(gateway, 'session ended');
        expect(line).toBeDefined();
        return line;
      });
      const [login] = linesOf(gateway, 'login');
      expect(login).toMatchObject({
        ...{ outcome: 'accepted', reason: null, decisionId: expect.stringMatching(uuid) as string },
        ...{ user: 'alice', database: gateway.database, role: 'alice', sub: 'alice', jti: 'of alice' },
        ...{ tls: true, decisionPath: null, engine: null, revision: null },
      });
      expect(ended).toMatchObject({
        ...{ end: 'client', decisionId: login?.decisionId },
        ...{ user: 'alice', database: gateway.database, role: 'alice', sub: 'alice', jti: 'of alice' },
        ...{ ms: expect.any(Number) as number, bytesFromClient: expect.any(Number) as number },
      });
      expect(Number(ended?.bytesFromServer)).toBeGreaterThan(0);
    });

    it('counts the bytes of a session while it lasts, and once', async () => {
      const client = clientOf(gateway, password());
      await client.connect();
      const before = await metric(gateway, 'bytes_total{from="server"}');
      await client.query("select repeat('x', 1000000)");
      const during = await metric(gateway, 'bytes_total{from="server"}');
      expect(during - before).toBeGreaterThan(1_000_000);
      expect(await metric(gateway, 'sessions')).toBe(1);
      await client.end();
      await vi.waitFor(async () => {
        expect(await metric(gateway, 'sessions')).toBe(0);
      });
      expect(await metric(gateway, 'bytes_total{from="server"}')).toBe(during);
    });

    it('has the text of a refused login, and no token in any line', async () => {
      await expect(clientOf(gateway, password('bob')).connect()).rejects.toMatchObject({ code: '28P01' });
      const [refused] = linesOf(gateway, 'login').filter(({ outcome }) => outcome === 'denied');
      expect(refused).toMatchObject({ reason: 'sub is not the user asked for', sub: 'bob', user: 'alice' });
      expect(gateway.log.join('')).not.toContain(password().slice(0, 20));
    });
  });

  describe('with a policy', () => {
    beforeAll(async () => {
      gateway = await startTestGateway(binaries, {
        GATEWAY_OPA_URL: 'http://localhost:8181/v1/data/demoapi/sql/decision',
        GATEWAY_OPA_MODE: 'embedded',
        OPA_BUNDLE: bundlesOf().wasm,
      });
    });
    afterAll(() => gateway.close());

    it('is which policy decided, and why, whether it let in or not', async () => {
      await gateway.admin.query('create role reader login');
      await gateway.admin.query('create database demo');
      const accepted = clientOf(gateway, password('roach'), { user: 'reader', database: 'demo' });
      await accepted.connect();
      await accepted.end();
      const denied = clientOf(gateway, password('mallory'), { user: 'reader', database: 'demo' });
      await expect(denied.connect()).rejects.toMatchObject({ code: '28P01' });
      const policy = {
        ...{ decisionPath: 'demoapi/sql/decision', engine: 'embedded' },
        ...{ revision: expect.stringMatching(/^[0-9a-f]{8,}/) as string },
        ...{ tokenMs: expect.any(Number) as number, policyMs: expect.any(Number) as number },
      };
      expect(linesOf(gateway, 'login')).toMatchObject([
        { outcome: 'accepted', reason: 'the token opens this user', role: 'reader', ...policy },
        { outcome: 'denied', reason: 'the token does not open this user', sub: 'mallory', ...policy },
      ]);
    });
  });
});
