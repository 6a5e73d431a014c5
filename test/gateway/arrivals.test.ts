import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { passwordMessage, sslRequest, startupMessage } from '../../src/gateway/wire/frontend-writers.js';
import { describeWithPostgres } from '../support/postgres.js';
import { inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { RawClient } from './support/raw-client.js';

const gssEncRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 48]);
const maxTokenLength = 65_535;
/** 3.0: as PostgreSQL has it, the major version is told too. */
const protocol3 = 196_608;

describeWithPostgres('a client that arrives', (binaries) => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway(binaries, {
      GATEWAY_MAX_LOGINS: '5',
      GATEWAY_LOGIN_TIMEOUT_MS: '30000',
      DOWNSTREAM__SSLMODE: 'allow',
    });
  });
  afterAll(() => gateway.close());

  const token = (claims: object = {}): string =>
    signToken({ sub: 'alice', exp: inSeconds(100), ...claims }, gateway.privateKey);

  const startup = (): Buffer =>
    startupMessage([
      ['user', 'alice'],
      ['database', gateway.database],
    ]);

  /** Up to ReadyForQuery, or the end. */
  async function logIn(client: RawClient, opening = startup(), password = token()): Promise<string> {
    client.socket.write(opening);
    const asked = await client.readUntil('R');
    client.socket.write(passwordMessage(password));
    const answer = await client.readUntil('Z');
    return [...asked, ...answer].map(({ type }) => type).join('');
  }

  const plain = (): Promise<RawClient> => RawClient.connect(gateway.port);

  async function encrypted(client: RawClient, ALPNProtocols?: string[]): Promise<RawClient> {
    const { socket } = client;
    const alpn = ALPNProtocols === undefined ? {} : { ALPNProtocols };
    const secured = connectTls({ socket, ca: gateway.ca, servername: 'localhost', ...alpn });
    await once(secured, 'secureConnect');
    return new RawClient(secured);
  }

  async function answerTo(client: RawClient, request: Buffer): Promise<string> {
    client.socket.write(request);
    const [answer] = (await once(client.socket, 'data')) as [Buffer];
    return answer.toString();
  }

  const welcomed = expect.stringMatching(/^RRK?S+.*Z$/) as string;

  it('is told that there is no GSSAPI encryption, and then gets TLS (3)', async () => {
    const client = await plain();
    expect(await answerTo(client, gssEncRequest)).toBe('N');
    expect(await answerTo(client, sslRequest())).toBe('S');
    const secured = await encrypted(client);
    expect(await logIn(secured)).toEqual(welcomed);
    secured.socket.destroy();
  });

  it('may begin with TLS when it names the protocol by ALPN (4)', async () => {
    const client = await encrypted(await plain(), ['postgresql']);
    expect((client.socket as TLSSocket).alpnProtocol).toBe('postgresql');
    expect(await logIn(client)).toEqual(welcomed);
    client.socket.destroy();
  });

  it('may not begin with TLS when it names another protocol (4)', async () => {
    await expect(encrypted(await plain(), ['http/1.1'])).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    });
  });

  it('may not begin with TLS when it names no protocol (4)', async () => {
    const client = await encrypted(await plain());
    const [refusal] = await client.readUntil('E');
    expect(refusal?.body.toString()).toContain('C08P01\0Mdirect TLS without ALPN');
  });

  /** Protocol 3.minor, with whatever options. */
  function startupOf(minor: number, ...options: [string, string][]): Buffer {
    const message = startupMessage([['user', 'alice'], ['database', gateway.database], ...options]);
    message.writeInt16BE(minor, 6);
    return message;
  }

  it.each([
    [2, []],
    [9999, []],
    [0, ['_pq_.unheard_of']],
    [9999, ['_pq_.unheard_of', '_pq_.other']],
  ])('that asks for 3.%i and %j is told what there is, and comes in (8)', async (minor, names) => {
    const client = await plain();
    client.socket.write(startupOf(minor, ...names.map((name): [string, string] => [name, 'on'])));
    const [negotiated] = await client.readUntil('R');
    expect(negotiated?.type).toBe('v');
    const body = negotiated?.body ?? Buffer.alloc(8);
    expect([body.readInt32BE(0), body.readInt32BE(4)]).toEqual([protocol3, names.length]);
    expect(body.toString('latin1', 8)).toBe(names.map((name) => `${name}\0`).join(''));
    client.socket.write(passwordMessage(token()));
    expect((await client.readUntil('Z')).at(-1)?.type).toBe('Z');
    client.socket.destroy();
  });

  /** A good token of so many characters, or a few less. */
  function tokenOf(length: number): string {
    const bare = token({ padding: '' }).length;
    return token({ padding: 'x'.repeat(Math.floor(((length - bare) * 3) / 4) - 2) });
  }

  it('may have a token of 65,535 bytes and no longer one (14)', async () => {
    const longest = tokenOf(maxTokenLength);
    expect(maxTokenLength - longest.length).toBeLessThan(8);
    const client = await plain();
    expect(await logIn(client, startup(), longest)).toEqual(welcomed);
    client.socket.destroy();
    const other = await plain();
    other.socket.write(startup());
    await other.readUntil('R');
    other.socket.write(passwordMessage('x'.repeat(maxTokenLength + 1)));
    const [refusal] = await other.readUntil('E');
    expect(refusal?.body.toString()).toContain('C08P01');
  });

  it('waits until others of its address are in or gone, when there are too many of them (6)', async () => {
    const waiting = await Promise.all([plain(), plain(), plain(), plain(), plain()]);
    const refused = await plain();
    const [refusal] = await refused.readUntil('E');
    expect(refusal?.body.toString()).toContain('C53300');
    for (const { socket } of waiting) socket.destroy();
    const client = await vi.waitFor(async () => {
      const next = await plain();
      expect(await logIn(next)).toEqual(welcomed);
      return next;
    });
    client.socket.destroy();
  });

  /** Lines about logins that are not for debugging only. */
  const linesSince = (before: number): string[] =>
    gateway.log.slice(before).filter((text) => {
      const { level, msg } = JSON.parse(text) as { level: number; msg: string };
      return level >= 30 && msg === 'login';
    });

  async function metric(name: string): Promise<number> {
    const page = await (await fetch(`http://127.0.0.1:${gateway.managementPort}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(page)?.[1] ?? 0);
  }

  it('and goes without a word is not in the log, wherever it stopped (7)', async () => {
    const before = gateway.log.length;
    const [probe, asked, secured] = await Promise.all([plain(), plain(), plain()]);
    await answerTo(asked, sslRequest());
    await answerTo(secured, sslRequest());
    const { socket } = await encrypted(secured);
    for (const each of [probe.socket, asked.socket, socket]) each.destroy();
    await vi.waitFor(() => {
      expect(gateway.log.slice(before).filter((line) => line.includes('"outcome":"gone"'))).toHaveLength(3);
    });
    expect(linesSince(before)).toEqual([]);
  });

  const psql = (password: string, sslMode: string) =>
    promisify(execFile)(
      join(binaries, 'psql'),
      [
        `host=127.0.0.1 port=${gateway.port} user=alice dbname=${gateway.database} sslmode=${sslMode}`,
        ...['-Atc', 'select current_user'],
      ],
      { env: { PGPASSWORD: password } },
    );

  it('as psql comes in with a token of thousands of characters', async () => {
    const { stdout } = await psql(tokenOf(9_000), 'require');
    expect(stdout).toBe('alice\n');
  });

  it('as psql with sslmode=prefer, which is refused and tries again in plain, counts once (19)', async () => {
    const refused = 'nest_okta_opa_gateway_login_seconds_count{outcome="unauthenticated"}';
    const [count, before] = [await metric(refused), gateway.log.length];
    await expect(psql('bogus', 'prefer')).rejects.toMatchObject({
      stderr: expect.stringContaining('FATAL:  password authentication failed for user "alice"') as string,
    });
    await vi.waitFor(() => {
      const attempts = gateway.log.slice(before).filter((line) => line.includes('"unauthenticated"'));
      expect(attempts).toHaveLength(2);
    });
    expect(await metric(refused)).toBe(count + 1);
    expect(linesSince(before)).toHaveLength(1);
  });
});
