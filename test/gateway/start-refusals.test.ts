import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { endNow, runProgram } from '../support/api-process.js';
import { writeCertificate } from './support/gateway.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const certificate = writeCertificate();
const other = writeCertificate();
const folder = temporaryFolder();
const noPem = join(folder.path, 'no.pem');
const ed25519Key = join(folder.path, 'ed25519.pem');
const emptyFile = join(folder.path, 'empty.pem');
const absent = join(folder.path, 'absent.pem');

/** Something that listens: a PostgreSQL server as far as a start without TLS goes, or whoever has a port already. */
let listening: Server;
let port: string;
let withoutTls: Server;
let portWithoutTls: string;

async function listenWith(serve: (socket: Socket) => unknown): Promise<Server> {
  const server = createServer((socket) => serve(socket.on('error', () => undefined).resume())).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server): string => String((server.address() as AddressInfo).port);

beforeAll(async () => {
  writeFileSync(noPem, 'no certificate');
  writeFileSync(emptyFile, '');
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(ed25519Key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  listening = await listenWith(() => undefined);
  port = portOf(listening);
  withoutTls = await listenWith((socket) => socket.write('N'));
  portWithoutTls = portOf(withoutTls);
});

afterAll(() => {
  for (const each of [listening, withoutTls]) each.close();
  folder.remove();
  for (const each of [certificate, other]) each.remove();
});

const good = (): Record<string, string> => ({
  PUBLIC_KEYS__1: generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  UPSTREAM__HOST: '127.0.0.1',
  UPSTREAM__PORT: port,
  UPSTREAM__SSLMODE: 'disable',
  DOWNSTREAM__PORT: '0',
  GATEWAY_MANAGEMENT_PORT: '0',
  ...certificate.settings,
});

const files = 'DOWNSTREAM__CERTFILE and DOWNSTREAM__KEYFILE can not be used: ';

it.each<[string, () => Record<string, string>, number, () => string]>([
  ['a certificate that is not there', () => ({ DOWNSTREAM__CERTFILE: absent }), 78, () => `${files}ENOENT`],
  ['a certificate that is none', () => ({ DOWNSTREAM__CERTFILE: noPem }), 78, () => files],
  ['a folder as certificate', () => ({ DOWNSTREAM__CERTFILE: folder.path }), 78, () => `${files}EISDIR`],
  [
    'a key of another certificate',
    () => ({ DOWNSTREAM__KEYFILE: other.settings.DOWNSTREAM__KEYFILE }),
    78,
    () => files,
  ],
  [
    'a key of another kind than the certificate',
    () => ({ DOWNSTREAM__KEYFILE: ed25519Key }),
    78,
    () => `${files}the key in DOWNSTREAM__KEYFILE is not that of the certificate`,
  ],
  [
    'certificate and key in each other’s place',
    () => ({
      DOWNSTREAM__CERTFILE: certificate.settings.DOWNSTREAM__KEYFILE,
      DOWNSTREAM__KEYFILE: certificate.settings.DOWNSTREAM__CERTFILE,
    }),
    78,
    () => `${files}DOWNSTREAM__CERTFILE holds no certificate in PEM`,
  ],
  [
    'an authority that is not there',
    () => ({ UPSTREAM__SSLMODE: 'verify-full', UPSTREAM__CAFILE: absent }),
    78,
    () => 'UPSTREAM__CAFILE can not be used: ENOENT',
  ],
  [
    'a file of authorities that holds none, where it would be enough to have no file',
    () => ({ UPSTREAM__SSLMODE: 'require', UPSTREAM__CAFILE: emptyFile }),
    78,
    () => 'UPSTREAM__CAFILE can not be used: there is no certificate in PEM',
  ],
  [
    'a bundle that is not there',
    () => ({
      GATEWAY_OPA_URL: 'http://localhost:8181/v1/data/demoapi/sql/decision',
      GATEWAY_OPA_MODE: 'embedded',
      OPA_BUNDLE: absent,
    }),
    78,
    () => 'OPA_BUNDLE: ',
  ],
  [
    'a port that somebody has',
    () => ({ DOWNSTREAM__PORT: port }),
    69,
    () => `port ${port} is in use; set DOWNSTREAM__PORT to another port`,
  ],
  [
    'a management port that somebody has',
    () => ({ GATEWAY_MANAGEMENT_PORT: port }),
    69,
    () => `port ${port} is in use; set GATEWAY_MANAGEMENT_PORT to another port`,
  ],
  [
    'a server that has no name',
    () => ({ UPSTREAM__HOST: 'nowhere.invalid' }),
    69,
    () => `UPSTREAM__HOST nowhere.invalid, port ${port}: `,
  ],
  [
    'a server that is silent where TLS is asked for',
    () => ({ UPSTREAM__SSLMODE: 'require' }),
    69,
    () => `UPSTREAM__HOST 127.0.0.1, port ${port}: the upstream did not answer before the deadline`,
  ],
  [
    'a server that has no TLS where it is asked for',
    () => ({ UPSTREAM__SSLMODE: 'require', UPSTREAM__PORT: portWithoutTls }),
    69,
    () => `UPSTREAM__HOST 127.0.0.1, port ${portWithoutTls}: the upstream has no TLS`,
  ],
  ['a server that is away', () => ({ UPSTREAM__PORT: '1' }), 69, () => 'UPSTREAM__HOST 127.0.0.1, port 1: '],
])('a gateway with %s says so in one line and ends', async (_, changes, code, line) => {
  const running = runProgram('dist/gateway/main.js', { ...good(), ...changes() });
  onTestFinished(() => endNow(running));
  expect(await running.ended).toBe(code);
  expect(running.output.stderr).toContain(line());
  expect(running.output.stderr.trimEnd().split('\n')).toHaveLength(1);
});

const pem = (type: 'spki' | 'pkcs8', key: KeyObject): string =>
  key.export({ type, format: 'pem' }).toString();
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');

it.each<[string, string]>([
  ['a text', 'garbage'],
  ['half a key', pem('spki', ed25519.publicKey).slice(0, 60)],
  ['an RSA key', pem('spki', rsa.publicKey)],
  ['a private key', pem('pkcs8', ed25519.privateKey)],
])('a gateway with %s as static key names the setting, not the value, and ends', async (_, value) => {
  const running = runProgram('dist/gateway/main.js', { ...good(), PUBLIC_KEYS__1: value });
  onTestFinished(() => endNow(running));
  expect(await running.ended).toBe(78);
  const { stdout, stderr } = running.output;
  expect(stderr).toMatch(/^1 setting to correct:\n {2}PUBLIC_KEYS__1 expected an Ed25519 public key in PEM/);
  expect(stdout + stderr).not.toContain(value.split('\n').at(1) ?? value);
});
