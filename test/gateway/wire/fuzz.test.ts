import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bearerTokenOf,
  maxPasswordBodyLength,
  passwordOf,
  readFrontendMessage,
  saslInitialResponseOf,
} from '../../../src/gateway/wire/frontend-messages.js';
import {
  cancelRequest,
  passwordMessage,
  saslInitialResponse,
  sslRequest,
  startupMessage,
} from '../../../src/gateway/wire/frontend-writers.js';
import { readInitialPacket } from '../../../src/gateway/wire/initial-packet.js';
import type { InitialPacket } from '../../../src/gateway/wire/initial-packet.js';
import { ProtocolViolation } from '../../../src/gateway/wire/protocol-violation.js';
import { readStartupOptions } from '../../../src/gateway/wire/startup-options.js';
import { mutated, randomBytes } from './support/mutations.js';

/** 50,000, or as many as `FUZZ_RUNS` says: 1,000,000 in the long mode, which takes half a minute. */
const numRuns = Number(process.env.FUZZ_RUNS ?? 50_000);
const timeout = 60_000 + numRuns;

/** The result, or `refused`. Any other error than a ProtocolViolation is thrown on. */
function orRefused<T>(read: () => T): T | 'refused' {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtocolViolation && /^[0-9A-Z]{5}$/.test(error.sqlState)) return 'refused';
    throw error;
  }
}

function claim(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what);
}

function checkPacket({ length, request }: InitialPacket, received: Buffer): void {
  claim(length >= 8 && length <= 10_000 && length <= received.length, 'the length is within bounds');
  if (request.kind === 'cancel') claim(request.secret.length + 12 === length, 'the key fills the packet');
  if (request.kind !== 'startup') return;
  const { parameters, unknownProtocolOptions } = request.startup;
  const names = [...parameters.keys(), ...unknownProtocolOptions];
  claim(parameters.get('user') !== '' && parameters.has('database'), 'user and database are there');
  claim(
    names.every((name) => name !== '' && !name.includes('\0')),
    'names are names',
  );
  claim(new Set(names).size === names.length, 'no name is there twice');
  checkOptions(parameters.get('options') ?? '');
}

function checkOptions(options: string): void {
  const { rest, settings } = readStartupOptions(options);
  const again = readStartupOptions(rest);
  claim(again.rest === rest && again.settings.size === settings.size, 'what is forwarded means the same');
}

const initialPackets = [
  sslRequest(),
  Buffer.from('0000000804d21630', 'hex'),
  cancelRequest(1234, Buffer.alloc(4, 1)),
  cancelRequest(-1, Buffer.alloc(256, 7)),
  startupMessage([['user', 'app']]),
  startupMessage([
    ['user', 'żółw'],
    ['database', 'app'],
    ['options', String.raw`-c search_path=a\ b --crdb:jwt_auth_enabled=true -e -c my.a=1`],
    ['application_name', 'psql'],
    ['_pq_.x', '1'],
  ]),
];

const loginMessages = [
  passwordMessage('eyJhbGciOiJFZERTQSJ9.e30.c2ln'),
  saslInitialResponse('OAUTHBEARER', Buffer.from('n,,\x01auth=Bearer abc\x01\x01')),
  saslInitialResponse('SCRAM-SHA-256'),
];

/** Reads a packet, checks what is claimed of it, and tells what became of it. */
function fateOf(received: Buffer): string {
  const packet = orRefused(() => readInitialPacket(received));
  if (packet === undefined || packet === 'refused') return packet ?? 'incomplete';
  checkPacket(packet, received);
  return packet.request.kind;
}

describe('random and mutated bytes', () => {
  it('make an initial packet, wait for more, or are refused', { timeout }, () => {
    const fates = new Map<string, number>();
    fc.assert(
      fc.property(fc.oneof({ arbitrary: mutated(initialPackets), weight: 4 }, randomBytes), (received) => {
        const fate = fateOf(received);
        fates.set(fate, (fates.get(fate) ?? 0) + 1);
      }),
      { numRuns },
    );
    // Otherwise most of it would have been read no further than its length.
    const often = [...fates].filter(([, count]) => count > numRuns / 100).map(([fate]) => fate);
    expect(often.sort()).toEqual(['cancel', 'gssenc', 'incomplete', 'refused', 'ssl', 'startup']);
  });

  it('make a message of the login, wait for more, or are refused', { timeout }, () => {
    const seeds = loginMessages.flatMap((message) => [message, message.subarray(5)]);
    const readers = fc.constantFrom<(bytes: Buffer) => unknown>(
      (bytes) => readFrontendMessage(bytes, maxPasswordBodyLength),
      passwordOf,
      saslInitialResponseOf,
      bearerTokenOf,
    );
    fc.assert(
      fc.property(
        fc.oneof({ arbitrary: mutated(seeds), weight: 4 }, randomBytes),
        readers,
        (received, read) => {
          orRefused(() => read(received));
        },
      ),
      { numRuns },
    );
  });
});
