import { describe, expect, it } from 'vitest';
import { apiSettingsTable, readApiSettings } from '../../src/settings/api-settings.js';
import { loadEnvironment } from '../../src/settings/environment.js';
import { gatewaySettingsTable } from '../../src/settings/gateway-settings-table.js';
import { issuerSettingsTable } from '../../src/settings/issuer-settings.js';
import type { SettingsTable } from '../../src/settings/setting.js';
import { readRepositoryFile, repositoryFile } from './repository.js';

const example = loadEnvironment({}, repositoryFile('app.env.example'));

/** Defaults by name; undefined where a setting is required. */
function defaultsOf(table: SettingsTable): Record<string, string | undefined> {
  return Object.fromEntries(Object.values(table).map(({ name, fallback }) => [name, fallback]));
}

/** Rows of the README's tables of settings: each name with what stands in the column of defaults. */
function readmeDefaults(heading: string): Record<string, string> {
  const section = readRepositoryFile('README.md').split(`${heading}\n`)[1]?.split(/\n#+ /)[0] ?? '';
  const rows = [...section.matchAll(/^\| (`.*?`) +\| (.*?) +\| /gm)];
  return Object.fromEntries(
    rows.flatMap(([, names = '', defaults = '']) => {
      const values = defaults.split(', ');
      return names
        .split(', ')
        .map((name, index) => [name.replaceAll('`', ''), (values.at(index) ?? '').replaceAll('`', '')]);
    }),
  );
}

/** What the README may say of a default that is no value of its own. */
const described = [
  'required',
  'none',
  'for remote and both',
  'OKTA_CLIENT_ID',
  '{issuer}/v1/keys',
  'required in production',
];

describe('app.env.example', () => {
  it('names every setting of the API, and no other', () => {
    expect(Object.keys(example).toSorted()).toEqual(Object.keys(defaultsOf(apiSettingsTable)).toSorted());
  });

  it('says what each is in one line above it', () => {
    const lines = readRepositoryFile('app.env.example').trimEnd().split('\n');
    const silent = lines.filter((line, at) => /^[A-Z_]+=/.test(line) && !/^# ./.test(lines[at - 1] ?? ''));
    expect(silent).toEqual([]);
  });

  it('shows the defaults', () => {
    const placeholders: Record<string, string> = { OKTA_AUDIENCE: 'api://default' };
    for (const [name, fallback] of Object.entries(defaultsOf(apiSettingsTable)))
      expect([name, example[name]]).toEqual([name, fallback ?? placeholders[name] ?? '']);
  });

  it('lacks nothing but what only its reader knows', () => {
    const read = readApiSettings(example);
    expect(read.ok ? [] : read.mistakes.map(({ name }) => name)).toEqual(['OKTA_ISSUER', 'OKTA_CLIENT_ID']);
  });
});

describe.each([
  ['### Settings', apiSettingsTable],
  ['### Settings of the issuer', issuerSettingsTable],
  ['### Settings of the SQL gateway', gatewaySettingsTable],
])("the README's table under %s", (heading, table) => {
  const shown = readmeDefaults(heading);

  it('names every setting, and no other', () => {
    expect(Object.keys(shown).toSorted()).toEqual(Object.keys(defaultsOf(table)).toSorted());
  });

  it('shows the defaults', () => {
    for (const [name, fallback] of Object.entries(defaultsOf(table))) {
      const expected = fallback === undefined || fallback === '' ? described : [fallback];
      expect([name, expected]).toEqual([name, expect.arrayContaining([shown[name]])]);
    }
  });
});
