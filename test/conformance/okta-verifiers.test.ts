import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import { promisify } from 'node:util';
import OktaJwtVerifier from '@okta/jwt-verifier';
import { CompactSign, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { startTestIssuer } from '../issuer/support/issuer.js';
import { basic, send } from '../issuer/support/issuer.js';
import type { TestIssuer } from '../issuer/support/issuer.js';
import { describeWith } from '../support/needs.js';
import { freePort } from './support/free-port.js';
import { goVerifier, pythonWithVerifiers, selfSigned } from './support/runtimes.js';
import { temporaryFolder } from '../support/temporary-folder.js';

interface Question {
  readonly issuer: string;
  readonly audience: string;
  readonly clientId: string;
  readonly token: string;
}

type Verify = (question: Question) => Promise<string>;

/** An issuer, a client of it, and a clock that can be set back. */
class World {
  now = Date.now();
  issuer!: TestIssuer;
  client!: ClientWithSecret;
  /** Where the issuer really listens. */
  #origin = '';
  readonly #baseUrl: (port: number) => string;

  constructor(baseUrl: (port: number) => string) {
    this.#baseUrl = baseUrl;
  }

  async start(): Promise<number> {
    const port = await freePort();
    const environment = { ISSUER_PORT: String(port), ISSUER_BASE_URL: this.#baseUrl(port) };
    this.issuer = await startTestIssuer(environment, () => this.now);
    this.#origin = this.issuer.origin;
    this.client = await this.issuer.registry.add({ name: 'app', scopes: ['read_weather'] });
    return port;
  }

  async token(): Promise<string> {
    const { json } = await send(`${this.#origin}/oauth2/default/v1/token`, {
      method: 'POST',
      headers: basic(this.client),
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'read_weather' }),
    });
    return String(json.access_token);
  }

  async expiredToken(): Promise<string> {
    this.now -= 3 * 3_600_000;
    const token = await this.token();
    this.now = Date.now();
    return token;
  }

  async question(changes: Partial<Question> = {}): Promise<Question> {
    const { issuer } = this.issuer;
    const clientId = this.client.client_id;
    return { issuer, audience: 'api://default', clientId, token: await this.token(), ...changes };
  }
}

const [header, payload, signature] = [0, 1, 2];
const parts = (token: string) => token.split('.');
const decoded = (part = '') =>
  JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Another letter in the middle of the signature. */
function tampered(token: string): string {
  const at = token.lastIndexOf('.') + 40;
  return token.slice(0, at) + (token.charAt(at) === 'A' ? 'B' : 'A') + token.slice(at + 1);
}

/** The same signature under other claims. */
function withOtherClaims(token: string): string {
  const each = parts(token);
  each[payload] = encoded({ ...decoded(each[payload]), scp: ['everything'] });
  return each.join('.');
}

function unsigned(token: string): string {
  const each = parts(token);
  each[header] = encoded({ ...decoded(each[header]), alg: 'none' });
  each[signature] = '';
  return each.join('.');
}

/** Under the right kid, by a key that is not the issuer's. */
async function bySomebodyElse(token: string): Promise<string> {
  const { privateKey } = await generateKeyPair('RS256');
  const [protectedHeader, claims] = parts(token).map((part, index) => (index < 2 ? decoded(part) : {}));
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ ...protectedHeader, alg: 'RS256' })
    .sign(privateKey);
}

/** What each verifier must say to the same table of tokens. */
function describeVerdicts(world: World, verify: Verify): void {
  it('accepts what the issuer issued, before and after a rotation of keys', async () => {
    const before = await world.question();
    expect(await verify(before)).toBe('accepted');
    await world.issuer.registries.keys.rotate();
    expect(await verify(await world.question())).toBe('accepted');
    expect(await verify(before)).toBe('accepted');
  });

  it.each<[string, (world: World) => Promise<Partial<Question>>]>([
    ['a tampered signature', async (of) => ({ token: tampered(await of.token()) })],
    ['other claims', async (of) => ({ token: withOtherClaims(await of.token()) })],
    ['no signature', async (of) => ({ token: unsigned(await of.token()) })],
    ['another key', async (of) => ({ token: await bySomebodyElse(await of.token()) })],
    ['a time that is over', async (of) => ({ token: await of.expiredToken() })],
    ['another audience', () => Promise.resolve({ audience: 'api://other' })],
    ['another issuer', (of) => Promise.resolve({ issuer: of.issuer.issuer.replace(/default$/, 'org2') })],
  ])('rejects %s', async (_, changes) => {
    expect(await verify(await world.question(await changes(world)))).toMatch(/^rejected/);
  });
}

const loopback = (port: number) => `http://127.0.0.1:${port}`;
const execute = promisify(execFile);

/** A program that reads questions as JSON lines and answers each with a line. */
function byProgram(
  command: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Verify {
  return async (question) => {
    const running = execute(command, args, { env: { PATH: process.env.PATH, ...environment } });
    running.child.stdin?.end(`${JSON.stringify(question)}\n`);
    return (await running).stdout.trim();
  };
}

describe('npm @okta/jwt-verifier', () => {
  const world = new World(loopback);
  beforeAll(() => world.start());
  afterAll(() => world.issuer.close());
  describeVerdicts(world, async ({ issuer, audience, clientId, token }) => {
    const settings = { issuer, assertClaims: { cid: clientId }, testing: { disableHttpsCheck: true } };
    const verifier = new OktaJwtVerifier(settings);
    return verifier.verifyAccessToken(token, audience).then(
      () => 'accepted',
      (error: unknown) => `rejected: ${String(error)}`,
    );
  });
});

const python = pythonWithVerifiers();
const pythonNeed = {
  found: python,
  requiredBy: 'REQUIRE_CLIENTS',
  absence: 'no Python with venv and pip, or no way to PyPI',
} as const;
const script = join(import.meta.dirname, 'python', 'verify.py');

describeWith('PyPI okta-jwt', pythonNeed, (interpreter) => {
  const world = new World(loopback);
  beforeAll(() => world.start());
  afterAll(() => world.issuer.close());
  describeVerdicts(world, byProgram(interpreter, [script, 'okta-jwt']));
});

const folder = temporaryFolder();
const certificate = selfSigned(folder.path);
afterAll(folder.remove);

/** https only, so a TLS server stands in front of the issuer. */
describeWith(
  'PyPI okta-jwt-verifier',
  { ...pythonNeed, found: python === undefined ? undefined : certificate },
  ({ key, cert }) => {
    let port: number;
    const world = new World(() => `https://localhost:${port}`);
    const pem = { key: readFileSync(key), cert: readFileSync(cert) };
    let target = 0;
    const server = createServer(pem, (socket) => {
      const upstream = connect(target, '127.0.0.1');
      socket.on('error', () => upstream.destroy()).pipe(upstream);
      upstream.on('error', () => socket.destroy()).pipe(socket);
    });
    beforeAll(async () => {
      port = await freePort();
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      target = await world.start();
    });
    afterAll(async () => {
      server.close();
      await world.issuer.close();
    });
    const environment = { REQUESTS_CA_BUNDLE: cert, SSL_CERT_FILE: cert };
    describeVerdicts(world, byProgram(python ?? '', [script, 'okta-jwt-verifier'], environment));
  },
);

const goNeed = {
  found: goVerifier(),
  requiredBy: 'REQUIRE_CLIENTS',
  absence: 'no Go, or no way to its modules',
} as const;

describeWith('Go okta-jwt-verifier-golang v2', goNeed, (program) => {
  const world = new World(loopback);
  beforeAll(() => world.start());
  afterAll(() => world.issuer.close());
  describeVerdicts(world, byProgram(program, []));
});
