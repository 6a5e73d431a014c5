import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { Browser, formOf } from '../issuer/support/browser.js';
import { basic, post, startTestIssuer, tokenFor } from '../issuer/support/issuer.js';
import type { TestIssuer } from '../issuer/support/issuer.js';
import { addApp, authorizePath, credentials, person, redirectUri } from '../issuer/support/people.js';
import { describeWith } from '../support/needs.js';
import { pythonWithSchemathesis } from './support/runtimes.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Some 20 seconds here; a slow machine may take longer. */
const patience = 300_000;
const examples = 25;

const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'response_headers_conformance',
];

/** What schemathesis_hooks.py is told. */
async function worldOf(issuer: TestIssuer, app: ClientWithSecret): Promise<Record<string, string>> {
  const admin = await issuer.registry.add({ name: 'admin', scopes: ['okta.clients.manage'] });
  const other = await issuer.registry.add({ name: 'other', scopes: ['read_weather'] });
  const form = { grant_type: 'password', scope: 'openid profile email', ...credentials };
  const { json: tokens } = await post(issuer, 'token', form, { headers: basic(app) });
  const browser = new Browser(issuer);
  const { fields } = formOf((await browser.open(authorizePath(app))).text);
  return {
    admin_id: admin.client_id,
    admin_token: await tokenFor(issuer, admin, 'okta.clients.manage'),
    client_id: app.client_id,
    client_secret: app.client_secret,
    other_client_id: other.client_id,
    redirect_uri: redirectUri,
    login: person.login,
    password: person.password,
    user_token: String(tokens.access_token),
    id_token: String(tokens.id_token),
    sign_in_request: fields.request ?? '',
    sign_in_cookie: browser.cookies.get('issuer-sign-in') ?? '',
  };
}

interface Run {
  readonly exitCode: number | null;
  readonly output: string;
  /** `METHOD /path status`, each once. */
  readonly answers: ReadonlySet<string>;
}

function schemathesis(python: string, origin: string, world: object, folder: string): Promise<Run> {
  const report = join(folder, 'report.har');
  const args = [
    ...['run', `${origin}/openapi.json`, '--url', origin, '--checks', checks.join(',')],
    ...['--seed', '1', '--max-examples', String(examples), '--max-redirects', '0', '--continue-on-failure'],
    // What it orders there, it would find elsewhere: 429, 5xx and no answer at all, just as documented.
    ...['--exclude-tag', 'faults'],
    ...['--report', 'har', '--report-har-path', report],
  ];
  const env = {
    PATH: process.env.PATH,
    PYTHONPATH: join(import.meta.dirname, 'python'),
    PYTHONDONTWRITEBYTECODE: '1',
    SCHEMATHESIS_HOOKS: 'schemathesis_hooks',
    ISSUER_WORLD: JSON.stringify(world),
  };
  const options = { cwd: folder, env, maxBuffer: 64 * 1024 * 1024 };
  return new Promise((resolve) => {
    const child = execFile(join(python, '../schemathesis'), args, options, (_, stdout, stderr) => {
      resolve({ exitCode: child.exitCode, output: stdout + stderr, answers: answersIn(report) });
    });
  });
}

interface Har {
  readonly log: {
    readonly entries: readonly {
      readonly request: { readonly method: string; readonly url: string };
      readonly response: { readonly status: number };
    }[];
  };
}

/** What an HTTP archive says. None, where the run ended before it wrote one. */
function answersIn(report: string): ReadonlySet<string> {
  if (!existsSync(report)) return new Set();
  const { log } = JSON.parse(readFileSync(report, 'utf8')) as Har;
  const answers = log.entries.map(
    ({ request, response }) => `${request.method} ${new URL(request.url).pathname} ${response.status}`,
  );
  return new Set(answers);
}

const need = {
  found: pythonWithSchemathesis(),
  requiredBy: 'REQUIRE_CLIENTS',
  absence: 'no Python with venv and pip, or no way to PyPI',
} as const;

describeWith('PyPI schemathesis, by the OpenAPI document', need, (python) => {
  const folder = temporaryFolder();
  let issuer: TestIssuer;
  let run: Run;

  beforeAll(async () => {
    issuer = await startTestIssuer({
      ISSUER_MODE: 'development',
      ISSUER_COMPAT: 'on',
      ISSUER_TRUST_PROXY: '127.0.0.1',
    });
    await issuer.registries.users.add(person);
    const grants = ['client_credentials', 'authorization_code', 'password'] as const;
    const app = await addApp(issuer, { grants });
    run = await schemathesis(python, issuer.origin, await worldOf(issuer, app), folder.path);
  }, patience);
  afterAll(async () => {
    await issuer.close();
    folder.remove();
  });

  it('finds no 5xx, and no status, type or body that is not documented', () => {
    expect(run.exitCode, run.output).toBe(0);
  });

  it.each([
    'POST /oauth2/default/v1/token 200',
    'POST /oauth2/default/v1/introspect 200',
    'POST /oauth2/default/v1/revoke 200',
    'GET /oauth2/default/v1/keys 200',
    'GET /oauth2/default/v1/userinfo 200',
    'GET /oauth2/default/v1/authorize 200',
    'GET /oauth2/default/v1/authorize 303',
    'POST /oauth2/default/v1/authorize/sign-in 303',
    'POST /oauth2/default/v1/authorize/sign-in 401',
    'GET /oauth2/default/v1/logout 200',
    'GET /oauth2/v1/clients 200',
    'POST /oauth2/v1/clients 201',
    'POST /oauth/token 200',
    'POST /auth 200',
  ])('got to %s, so that its checks had something to look at', (answer) => {
    expect(run.answers).toContain(answer);
  });
});
