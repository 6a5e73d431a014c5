import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readApiSettings } from '../../src/settings/api-settings.js';
import { wholeNumber } from '../../src/settings/schemas.js';
import { describeMistakes, readSettings, setting } from '../../src/settings/setting.js';
import type { Environment } from '../../src/settings/setting.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { path: folder, remove } = temporaryFolder();
afterAll(() => {
  remove();
});

function fileWith(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const table = {
  name: setting({ name: 'NAME', schema: z.string(), meaning: 'what it is called' }),
  size: setting({ name: 'SIZE', schema: wholeNumber(1, 9), fallback: '3', meaning: 'how large it is' }),
  secret: setting({
    name: 'SECRET',
    schema: z.string().min(8),
    fallback: '',
    secret: true,
    meaning: 'hidden',
  }),
} as const;

const good = { NAME: 'n', SECRET: '12345678' };

function read(environment: Environment): unknown {
  const outcome = readSettings(table, environment);
  return outcome.ok ? outcome.value : describeMistakes(outcome.mistakes);
}

describe('a setting', () => {
  it('has the value of its variable, or its default', () => {
    expect(read(good)).toEqual({ name: 'n', size: 3, secret: '12345678' });
    expect(read({ ...good, SIZE: '5' })).toMatchObject({ size: 5 });
  });

  it.each([undefined, ''])('is absent when its variable is %j', (value) => {
    expect(read({ ...good, SIZE: value })).toMatchObject({ size: 3 });
    expect(read({ ...good, NAME: value })).toBe(
      '1 setting to correct:\n  NAME is required: what it is called',
    );
  });

  it('is told with all other mistakes, one line each', () => {
    expect(read({ SIZE: '10', SECRET: 'short' })).toMatch(
      /^3 settings to correct:\n {2}NAME .+\n {2}SIZE expected a whole number from 1 to 9, not "10"\n {2}SECRET .+$/,
    );
  });

  it('that is a secret appears in no message, however it is wrong', () => {
    expect(read({ ...good, SECRET: 'hunter2' })).not.toContain('hunter2');
    expect(read({ ...good, SECRET_FILE: fileWith('short', 'hunter2') })).not.toContain('hunter2');
    expect(read({ ...good, SECRET: 'hunter2', SECRET_FILE: '/nowhere' })).not.toContain('hunter2');
  });

  it.each([
    'https://admin:hunter2@okta.test/oauth2/default',
    'http://hunter2@okta.test',
    'x://:hunter2@y/z@w',
  ])('shows no password of a URL: %s', (url) => {
    const outcome = readApiSettings({ OKTA_ISSUER: url, OKTA_JWKS_URL: url, OPA_AUTHZ_URL: url });
    const message = outcome.ok ? '' : describeMistakes(outcome.mistakes);
    expect(message).toContain('OKTA_ISSUER');
    expect(message).not.toContain('hunter2');
  });

  it('is shown in part when it is long, with control characters escaped', () => {
    const message = String(read({ ...good, SIZE: `\u001b[31m${'9'.repeat(10_000)}` }));
    expect(message).toContain('\\u001b');
    expect(message.length).toBeLessThan(400);
  });
});

describe('a setting in a file', () => {
  it.each([
    { note: 'as it is', content: '12345678' },
    { note: 'without the newline at the end', content: '12345678\n' },
    { note: 'without the newline of Windows', content: '12345678\r\n' },
  ])('is read $note', ({ note, content }) => {
    expect(read({ NAME: 'n', SECRET_FILE: fileWith(`secret ${note}`, content) })).toMatchObject({
      secret: '12345678',
    });
  });

  it('keeps white space that is part of it', () => {
    const path = fileWith('spaces', ' 1234 5678 \n\n');
    expect(read({ NAME: 'n', SECRET_FILE: path })).toMatchObject({ secret: ' 1234 5678 \n' });
  });

  it('may be any setting, and is checked like any other', () => {
    const path = fileWith('size', '12');
    expect(read({ ...good, SIZE_FILE: path })).toContain(
      'SIZE expected a whole number from 1 to 9, not "12"',
    );
  });

  it('is a mistake beside the variable itself', () => {
    const path = fileWith('both', '12345678');
    expect(read({ ...good, SECRET_FILE: path })).toBe(
      '1 setting to correct:\n  SECRET is set together with SECRET_FILE; set one of them',
    );
  });

  it.each([undefined, ''])('counts beside a variable that is %j', (value) => {
    const path = fileWith('alone', '12345678');
    expect(read({ NAME: 'n', SECRET: value, SECRET_FILE: path })).toMatchObject({ secret: '12345678' });
  });

  it('is not looked for when the name of the file is empty', () => {
    expect(read({ ...good, SECRET_FILE: '' })).toMatchObject({ secret: '12345678' });
  });

  it.each([
    { note: 'there is none', path: join(folder, 'nowhere') },
    { note: 'it is a folder', path: folder },
  ])('is a mistake when $note', ({ path }) => {
    expect(read({ NAME: 'n', SECRET_FILE: path })).toMatch(
      /SECRET could not be read from the file named by SECRET_FILE/,
    );
  });

  it.each(['', '\n', '\r\n'])('is absent when the file holds %j only', (content) => {
    const path = fileWith('empty', content);
    expect(read({ NAME_FILE: path, SECRET: good.SECRET })).toContain('NAME is required');
    expect(read({ ...good, SIZE_FILE: path })).toMatchObject({ size: 3 });
  });

  it('may be the mode and the secret that it needs', () => {
    const environment = {
      OKTA_ISSUER: 'https://okta.test/oauth2/default',
      OKTA_CLIENT_ID: 'a',
      OKTA_AUDIENCE: 'b',
      OKTA_VALIDATION_FILE: fileWith('mode', 'remote\n'),
    };
    const names = (changes: Environment) => {
      const outcome = readApiSettings({ ...environment, ...changes });
      return outcome.ok ? [] : outcome.mistakes.map(({ name }) => name);
    };
    expect(names({})).toEqual(['OKTA_CLIENT_SECRET']);
    expect(names({ OKTA_CLIENT_SECRET_FILE: fileWith('no secret', '\n') })).toEqual(['OKTA_CLIENT_SECRET']);
    expect(names({ OKTA_CLIENT_SECRET_FILE: fileWith('a secret', 's\n') })).toEqual([]);
  });
});
