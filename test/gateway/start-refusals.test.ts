import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../issuer/support/issuer.js';
import { endNow, runProgram } from '../support/api-process.js';
import { writeCertificate } from './support/gateway.js';

const certificate = writeCertificate();
const other = writeCertificate();
const folder = temporaryFolder();
const noPem = join(folder.path, 'no.pem');
const absent = join(folder.path, 'absent.pem');

/** Something that listens: a PostgreSQL server as far as a start without TLS goes, or whoever has a port already. */
let listening: Server;
let port: string;

beforeAll(async () => {
  writeFileSync(noPem, 'no certificate');
  listening = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  port = String((listening.address() as AddressInfo).port);
});

afterAll(() => {
  listening.close();
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
  [
    'a key of another certificate',
    () => ({ DOWNSTREAM__KEYFILE: other.settings.DOWNSTREAM__KEYFILE }),
    78,
    () => files,
  ],
  [
    'an authority that is not there',
    () => ({ UPSTREAM__SSLMODE: 'verify-full', UPSTREAM__CAFILE: absent }),
    78,
    () => 'UPSTREAM__CAFILE can not be used: ENOENT',
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
  ['a server that is away', () => ({ UPSTREAM__PORT: '1' }), 69, () => 'UPSTREAM__HOST 127.0.0.1, port 1: '],
])('a gateway with %s says so in one line and ends', async (_, changes, code, line) => {
  const running = runProgram('dist/gateway/main.js', { ...good(), ...changes() });
  onTestFinished(() => endNow(running));
  expect(await running.ended).toBe(code);
  expect(running.output.stderr).toContain(line());
  expect(running.output.stderr.trimEnd().split('\n')).toHaveLength(1);
});
