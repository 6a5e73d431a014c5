import { expect, it } from 'vitest';
import {
  maxPasswordBodyLength,
  passwordOf,
  readFrontendMessage,
} from '../../../src/gateway/wire/frontend-messages.js';
import { readInitialPacket } from '../../../src/gateway/wire/initial-packet.js';
import { describeWithVectors, readJsonFile } from '../../support/vectors.js';
import { refusals, verdictOf } from './support/startup-packets.js';

/** Well-formed packets, which only the rooms above can judge. */
const judgedElsewhere = {
  'ssl-refused-when-required (send StartupMessage in clear)': 'the listener decides on TLS',
  'startup-search_path': 'the policy decides on settings',
  'startup-options-c-role': 'the policy decides on options',
  'startup-replication': 'the policy decides on replication',
  'startup-pq-protocol-ext': 'answered with NegotiateProtocolVersion',
  'cancel-unknown-key': 'the live sessions know the keys',
  'password-empty': 'the verification refuses an empty token',
  'query-before-auth': 'a message of another type than p, which the session wants',
};

const expected: Readonly<Record<string, string>> = {
  'ssl-request-plus-plaintext': refusals.behindSsl,
  'ssl-request-twice': refusals.behindSsl,
  'startup-len-0': refusals.length,
  'startup-len-3': refusals.length,
  'startup-len-4': refusals.length,
  'startup-len-7': refusals.length,
  'startup-len-neg': refusals.length,
  'startup-len-intmax': refusals.length,
  'startup-len-10001': refusals.length,
  'startup-no-terminator': refusals.terminator,
  'startup-no-user': refusals.noUser,
  'startup-empty-user': refusals.noUser,
  'startup-dup-database': refusals.twice,
  'startup-db-1MB-name-in-10k': '22023 database name is longer than 63 bytes',
  'startup-proto-2': '0A000 unsupported frontend protocol 2.0: server supports 3.0 to 3.0',
  'http-get': refusals.length,
  'sasl-instead-of-password': '08P01 invalid password packet size',
  'password-no-nul': '08P01 invalid password packet size',
  'password-70k': '08P01 invalid message length',
  'password-len-intmax': '08P01 invalid message length',
  'password-len-2': '08P01 invalid message length',
  'half-open': 'incomplete',
  'terminate-first': refusals.length,
};

/** Reads the packet and then, if bytes follow, the message behind it: as a password where it is one. */
function login(bytes: Buffer): unknown {
  const packet = readInitialPacket(bytes);
  if (packet === undefined || packet.length === bytes.length) return packet;
  const message = readFrontendMessage(bytes.subarray(packet.length), maxPasswordBodyLength);
  return message?.type === 'p' ? passwordOf(message.body) : message;
}

describeWithVectors('hostile startup packets', 'hostile/pg-startup.json', (file) => {
  const { cases } = readJsonFile(file) as { cases: { id: string; hex: string }[] };

  it('are thirty-one', () => {
    const known = [...Object.keys(judgedElsewhere), ...Object.keys(expected)];
    expect(cases.map(({ id }) => id).sort()).toEqual(known.sort());
  });

  it.each(cases.filter(({ id }) => id in expected))('get no further: $id', ({ id, hex }) => {
    expect(verdictOf(() => login(Buffer.from(hex, 'hex')))).toBe(expected[id]);
  });

  it.each(cases.filter(({ id }) => id in judgedElsewhere))('are left to others: $id', ({ hex }) => {
    expect(verdictOf(() => login(Buffer.from(hex, 'hex')))).toBe('accepted');
  });
});
