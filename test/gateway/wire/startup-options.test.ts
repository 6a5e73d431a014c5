import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readStartupOptions } from '../../../src/gateway/wire/startup-options.js';
import { describeWithPostgres, startPostgres } from '../../support/postgres.js';
import type { PostgresServer } from '../../support/postgres.js';
import { cockroach, flags, lettersWithArgument, refused, taken } from './support/options-table.js';

const settingsOf = (options: string): object => Object.fromEntries(readStartupOptions(options).settings);

describe('the options of a StartupMessage (12)', () => {
  it.each([...taken, ...refused])(
    'have the settings that PostgreSQL finds: $note',
    ({ options, settings }) => {
      expect(settingsOf(options)).toEqual(settings);
    },
  );

  it.each(lettersWithArgument)('have an argument, and not a switch, behind -%s', (letter) => {
    expect(settingsOf(`-${letter} -cmy.a=1`)).toEqual({});
  });

  it.each(flags)('have a switch behind the flag -%s', (flag) => {
    expect(settingsOf(`-${flag} -cmy.a=1`)).toEqual({ 'my.a': '1' });
  });

  it.each([...taken, ...refused])('are forwarded as they are: $note', ({ options }) => {
    expect(readStartupOptions(options)).toMatchObject({ rest: options, wantsCockroachErrors: false });
  });
});

describe('the option of CockroachDB (11)', () => {
  it.each(cockroach)('is taken out, and the rest stays: $note', ({ options, rest }) => {
    expect(readStartupOptions(options)).toMatchObject({ rest, wantsCockroachErrors: true });
  });

  it('is no setting of the upstream', () => {
    expect(settingsOf('--crdb:jwt_auth_enabled=true -c my.a=1')).toEqual({ 'my.a': '1' });
  });

  it.each(['t', 'TR', 'tru', 'true', 'True', 'y', 'ye', 'YES', 'on', 'ON', '1'])('is on as %s', (value) => {
    expect(readStartupOptions(`-c crdb:jwt_auth_enabled=${value}`).wantsCockroachErrors).toBe(true);
  });

  it.each(['f', 'false', 'n', 'no', 'of', 'off', '0', 'o', '', '2', 'truee', 'enable'])(
    'is off as "%s", and taken out',
    (value) => {
      const read = readStartupOptions(`-c crdb:jwt_auth_enabled=${value}`);
      expect(read).toMatchObject({ wantsCockroachErrors: false, rest: '' });
    },
  );

  it('counts with its last value', () => {
    const read = readStartupOptions('--crdb:jwt_auth_enabled=on --crdb:jwt_auth_enabled=off');
    expect(read.wantsCockroachErrors).toBe(false);
  });

  it.each([
    { note: 'has no value', options: '--crdb:jwt_auth_enabled' },
    { note: 'is part of another name', options: '--crdb:jwt_auth_enabled2=true' },
    { note: 'is a value', options: '-c my.a=--crdb:jwt_auth_enabled=true' },
    { note: 'is the argument of another switch', options: '-t --crdb:jwt_auth_enabled=true' },
    { note: 'is no switch', options: 'crdb:jwt_auth_enabled=true' },
    { note: 'stands behind the end of switches', options: '-- --crdb:jwt_auth_enabled=true' },
  ])('stays where it $note', ({ options }) => {
    expect(readStartupOptions(options)).toMatchObject({ rest: options, wantsCockroachErrors: false });
  });

  it('leaves the same settings, whatever stands around it', () => {
    const pieces = fc.constantFrom(
      '-c',
      '--',
      '-e',
      '-',
      '=',
      'my.a',
      'b',
      ' ',
      '\t',
      '\\',
      '\\\\',
      '-c my.b=x',
      '-t',
      'ż',
    );
    const texts = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        const { rest, settings } = readStartupOptions(`--crdb:jwt_auth_enabled=1 ${text}`);
        expect(readStartupOptions(rest)).toEqual({ rest, settings, wantsCockroachErrors: false });
        expect(readStartupOptions(text).settings).toEqual(settings);
      }),
      { numRuns: 1000 },
    );
  });
});

describeWithPostgres('a PostgreSQL server (11, 12)', (binaries) => {
  let server: PostgresServer;
  let database: string;

  beforeAll(async () => {
    server = await startPostgres(binaries);
    database = await server.newDatabase();
  });

  afterAll(() => server.close());

  /** The values the server shows for the names, or the SQLSTATE of its refusal. */
  async function shown(options: string, names: readonly string[]): Promise<Record<string, string> | string> {
    const client = new pg.Client({ connectionString: database, options });
    try {
      await client.connect();
      const found: Record<string, string> = {};
      for (const name of names) found[name] = await show(client, name);
      return found;
    } catch (error) {
      if (error instanceof pg.DatabaseError) return String(error.code);
      throw error;
    } finally {
      await client.end();
    }
  }

  async function show(client: pg.Client, name: string): Promise<string> {
    const { rows } = await client.query<{ value: string }>('select current_setting($1) as value', [name]);
    return rows[0]?.value ?? '';
  }

  it.each(taken)('finds the same settings: $note', async ({ options, settings }) => {
    expect(await shown(options, Object.keys(settings))).toEqual(settings);
  });

  it.each(refused)('refuses what is forwarded as it is: $note', async ({ options, sqlState }) => {
    expect(await shown(options, [])).toBe(sqlState);
  });

  it.each(lettersWithArgument)('takes no switch behind -%s', async (letter) => {
    const names = ['my.a'];
    expect(['42704', '42601', '22023', '55P02']).toContain(await shown(`-${letter} -cmy.a=1`, names));
  });

  it.each(flags)('takes a switch behind the flag -%s, unless it refuses the flag', async (flag) => {
    const verdict = await shown(`-${flag} -cmy.a=1`, ['my.a']);
    if (typeof verdict === 'string') expect(verdict).toBe('55P02');
    else expect(verdict).toEqual({ 'my.a': '1' });
  });

  it.each(cockroach.filter(({ rest }) => rest !== '\\'))(
    'refuses the option of CockroachDB and takes the rest: $note',
    async ({ options, rest }) => {
      expect(await shown(options, [])).toBe('42704');
      expect(await shown(rest, [...readStartupOptions(options).settings.keys()])).toEqual(
        settingsOf(options),
      );
    },
  );
});
