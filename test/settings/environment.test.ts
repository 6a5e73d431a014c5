import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readApiSettings } from '../../src/settings/api-settings.js';
import { loadEnvironment } from '../../src/settings/environment.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { path: folder, remove } = temporaryFolder();
afterAll(() => {
  remove();
});

function envFile(content: string): string {
  const path = join(folder, 'app.env');
  writeFileSync(path, content);
  return path;
}

/** The article's own, with its headings. */
const articleFile = `[Okta]
OKTA_ISSUER=https://dev-1.okta.test/oauth2/default
OKTA_CLIENT_ID=0oa1
OKTA_CLIENT_SECRET=abc-DEF_123
OKTA_AUDIENCE=api://default

[Opa]
OPA_AUTHZ_URL=http://localhost:8181/v1/data/demoapi/authz/allow
`;

describe('app.env', () => {
  it.each([
    { note: 'as it is', content: articleFile },
    { note: 'with the line ends of Windows', content: articleFile.replaceAll('\n', '\r\n') },
    { note: 'without a newline at the end', content: articleFile.trimEnd() },
    { note: 'with quotes', content: articleFile.replaceAll(/=(.+)/g, '="$1"') },
    { note: 'with comments', content: `# settings\n${articleFile.replace('[Opa]', '# OPA\n[Opa] # here')}` },
    { note: 'with export in front', content: articleFile.replaceAll(/^OKTA/gm, 'export OKTA') },
    { note: 'with spaces around the equals signs', content: articleFile.replaceAll('=', ' = ') },
    { note: 'with a byte order mark', content: `\ufeff${articleFile}` },
  ])('of the article loads $note', ({ content }) => {
    const outcome = readApiSettings(loadEnvironment({}, envFile(content)));
    expect(outcome).toMatchObject({
      ok: true,
      value: {
        issuer: 'https://dev-1.okta.test/oauth2/default',
        clientId: '0oa1',
        clientSecret: 'abc-DEF_123',
        audience: 'api://default',
        opaUrl: 'http://localhost:8181/v1/data/demoapi/authz/allow',
      },
    });
  });

  it('gives way to the environment', () => {
    const environment = loadEnvironment({ OKTA_AUDIENCE: 'api://other' }, envFile(articleFile));
    expect(environment).toMatchObject({ OKTA_AUDIENCE: 'api://other', OKTA_CLIENT_ID: '0oa1' });
  });

  it('gives way to an empty variable too, which switches its line off', () => {
    const outcome = readApiSettings(loadEnvironment({ OKTA_AUDIENCE: '' }, envFile(articleFile)));
    expect(outcome).toMatchObject({ ok: false, mistakes: [{ name: 'OKTA_AUDIENCE' }] });
  });

  it('gives way to NAME_FILE in the environment', () => {
    const path = join(folder, 'secret');
    writeFileSync(path, 'from-the-file');
    const outcome = readApiSettings(loadEnvironment({ OKTA_CLIENT_SECRET_FILE: path }, envFile(articleFile)));
    expect(outcome).toMatchObject({ ok: true, value: { clientSecret: 'from-the-file' } });
  });

  it('gives way to NAME in the environment when it names a file', () => {
    const file = envFile(articleFile.replace(/OKTA_CLIENT_SECRET=.*/, 'OKTA_CLIENT_SECRET_FILE=/nowhere'));
    const outcome = readApiSettings(loadEnvironment({ OKTA_CLIENT_SECRET: 'given' }, file));
    expect(outcome).toMatchObject({ ok: true, value: { clientSecret: 'given' } });
  });

  it('may be absent', () => {
    expect(loadEnvironment({ A: 'b' }, join(folder, 'nowhere.env'))).toEqual({ A: 'b' });
  });

  it('that cannot be read is an error, not an empty file', () => {
    expect(() => loadEnvironment({}, folder)).toThrow(/EISDIR/);
  });

  it('leaves the environment of the process as it was', () => {
    const before = { ...process.env };
    loadEnvironment(process.env, envFile(articleFile));
    expect(process.env).toEqual(before);
  });
});
