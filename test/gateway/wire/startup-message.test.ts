import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startupMessage } from '../../../src/gateway/wire/frontend-writers.js';
import { readInitialPacket } from '../../../src/gateway/wire/initial-packet.js';
import { refusals, startupOf, startupPacket, verdict } from './support/startup-packets.js';

function parametersOf(body: string): [string, string][] {
  return [...startupOf(startupPacket(body)).parameters];
}

describe('the parameters of a StartupMessage (5)', () => {
  it('may fill 10,000 bytes', () => {
    const value = 'v'.repeat(10_000 - 8 - 'user\0app\0x\0\0\0'.length);
    const packet = startupPacket(`user\0app\0x\0${value}\0\0`);
    expect(packet).toHaveLength(10_000);
    expect(startupOf(packet).parameters.get('x')).toBe(value);
  });

  it.each([
    { note: 'no byte at all', body: '' },
    { note: 'no terminator of the list', body: 'user\0app\0' },
    { note: 'no terminator of a value', body: 'user\0app' },
    { note: 'a value without its NUL in front of the terminator', body: 'user\0app\0x\0y\0' },
    { note: 'a name without a value', body: 'user\0app\0database\0\0' },
    { note: 'a letter for the terminator', body: 'user\0app\0x' },
    { note: 'a byte behind the terminator', body: 'user\0app\0\0x' },
    { note: 'a NUL behind the terminator', body: 'user\0app\0\0\0' },
    { note: 'a parameter behind the terminator', body: 'user\0app\0\0role\0postgres\0\0' },
    { note: 'an empty name', body: '\0app\0\0' },
    { note: 'only NULs', body: '\0\0' },
  ])('end exactly with it, not as $note', ({ body }) => {
    expect(verdict(startupPacket(body))).toBe(refusals.terminator);
  });

  it.each([
    { note: 'user', body: 'user\0app\0user\0postgres\0\0' },
    { note: 'user, with the same value', body: 'user\0app\0user\0app\0\0' },
    { note: 'database', body: 'user\0app\0database\0app\0database\0secret\0\0' },
    { note: 'a setting, in another case', body: 'user\0app\0search_path\0a\0Search_Path\0b\0\0' },
    { note: 'a protocol option', body: 'user\0app\0_pq_.x\0a\0_pq_.x\0b\0\0' },
  ])('have no name twice: $note', ({ body }) => {
    expect(verdict(startupPacket(body))).toBe(refusals.twice);
  });

  it('may have an empty value', () => {
    expect(parametersOf('user\0app\0options\0\0\0')).toEqual([
      ['user', 'app'],
      ['options', ''],
      ['database', 'app'],
    ]);
  });

  it.each([
    { note: 'in a name', body: Buffer.from('user\0app\0\xff\0x\0\0', 'latin1') },
    { note: 'in a value', body: Buffer.from('user\0\xc3\0\0', 'latin1') },
    { note: 'as an overlong form', body: Buffer.from('user\0\xc0\xaf\0\0', 'latin1') },
    { note: 'as a surrogate', body: Buffer.from('user\0\xed\xa0\x80\0\0', 'latin1') },
  ])('have no bytes that are no UTF-8 $note', ({ body }) => {
    expect(verdict(startupPacket(body))).toBe('22021 invalid byte sequence for encoding "UTF8"');
  });

  it('keep text in UTF-8 exactly as it is, a byte order mark too', () => {
    expect(parametersOf('user\0\ufeffżółw\0database\0日本\0\0')).toEqual([
      ['user', '\ufeffżółw'],
      ['database', '日本'],
    ]);
  });
});

describe('a StartupMessage that asks for more than protocol 3.0 (8)', () => {
  it.each([
    { note: '3.0', version: 0x0003_0000, minor: 0 },
    { note: '3.2', version: 0x0003_0002, minor: 2 },
    { note: "3.9999, libpq's probe", version: 0x0003_270f, minor: 9999 },
  ])('is read as $note', ({ version, minor }) => {
    const startup = startupOf(startupPacket('user\0app\0\0', { version }));
    expect(startup).toMatchObject({ major: 3, minor, unknownProtocolOptions: [] });
  });

  it('has its protocol options named in order, and none of them among the parameters', () => {
    const startup = startupOf(startupPacket('_pq_.b\0on\0user\0app\0_pq_.a\0\0_PQ_.c\0x\0\0'));
    expect(startup.unknownProtocolOptions).toEqual(['_pq_.b', '_pq_.a']);
    expect([...startup.parameters.keys()]).toEqual(['user', '_PQ_.c', 'database']);
  });
});

describe('a StartupMessage (9)', () => {
  it.each([
    { version: 0x0002_0000, asked: '2.0' },
    { version: 0x0004_0001, asked: '4.1' },
    { version: 0, asked: '0.0' },
    { version: 0xffff_ffff, asked: '65535.65535' },
    { version: 80877105, asked: '1234.5681' },
  ])('of protocol $asked is refused before the rest of it has come', ({ version, asked }) => {
    const packet = startupPacket('user\0app\0\0', { version });
    const refusal = `0A000 unsupported frontend protocol ${asked}: server supports 3.0 to 3.0`;
    expect(verdict(packet.subarray(0, 8))).toBe(refusal);
    expect(verdict(packet)).toBe(refusal);
  });

  it.each([
    { note: 'no parameter', body: '\0' },
    { note: 'no user', body: 'database\0app\0\0' },
    { note: 'an empty user', body: 'user\0\0\0' },
    { note: 'an empty user and a database', body: 'user\0\0database\0app\0\0' },
    { note: 'a user in another case', body: 'USER\0app\0\0' },
  ])('with $note is refused', ({ body }) => {
    expect(verdict(startupPacket(body))).toBe(refusals.noUser);
  });

  it.each([
    { note: 'no database', body: 'user\0app\0\0' },
    { note: 'an empty database', body: 'user\0app\0database\0\0\0' },
  ])('with $note has the user as its database', ({ body }) => {
    expect(parametersOf(body)).toEqual([
      ['user', 'app'],
      ['database', 'app'],
    ]);
  });

  it.each(['user', 'database'])('may have a %s of 63 bytes, which no server cuts short', (name) => {
    const bodyWith = (value: string): string =>
      name === 'user' ? `user\0${value}\0database\0app\0\0` : `user\0app\0database\0${value}\0\0`;
    expect(startupOf(startupPacket(bodyWith('n'.repeat(63)))).parameters.get(name)).toHaveLength(63);
    expect(verdict(startupPacket(bodyWith('n'.repeat(64))))).toBe(
      `22023 ${name} name is longer than 63 bytes`,
    );
    expect(verdict(startupPacket(bodyWith('ż'.repeat(32))))).toBe(
      `22023 ${name} name is longer than 63 bytes`,
    );
  });

  it('keeps all parameters, in the order sent (10)', () => {
    const body =
      'replication\0database\0user\0app\0constructor\0x\0database\0db\0__proto__\0y\0application_name\0psql\0\0';
    expect(parametersOf(body)).toEqual([
      ['replication', 'database'],
      ['user', 'app'],
      ['constructor', 'x'],
      ['database', 'db'],
      ['__proto__', 'y'],
      ['application_name', 'psql'],
    ]);
  });
});

const names = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 10 })
  .filter((name) => !name.includes('\0') && Buffer.byteLength(name) <= 63);

const settings = fc.uniqueArray(
  fc.tuple(
    names.filter((name) => !/^(_pq_\.|user$|database$)/i.test(name)),
    fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !value.includes('\0')),
  ),
  { maxLength: 8, selector: ([name]) => name.toLowerCase() },
);

describe('any StartupMessage', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(names, names, settings, (user, database, others) => {
        const parameters: [string, string][] = [...others, ['user', user], ['database', database]];
        expect([...startupOf(startupMessage(parameters)).parameters]).toEqual(parameters);
      }),
    );
  });

  it('is incomplete until its last byte is there, whatever pieces it comes in', () => {
    fc.assert(
      fc.property(settings, fc.nat(), (others, cut) => {
        const packet = startupMessage([...others, ['user', 'app']]);
        expect(readInitialPacket(packet.subarray(0, cut % packet.length))).toBeUndefined();
      }),
    );
  });
});
