import type { ClientWithSecret } from '../issuer/clients/client-registry.js';
import type { Demo } from './demo.js';
import { exchange } from './exchange.js';
import type { Exchange, ExchangeRequest } from './exchange.js';
import type { Narrator } from './narrator.js';
import { walkSql } from './sql-walk.js';

interface Step {
  readonly title: string;
  /** What a reader should learn from it. */
  readonly lesson: string;
  readonly request: ExchangeRequest;
  readonly expectedStatus: number;
}

/**
 * Walks through the main job, once with local and once with remote validation.
 *
 * @returns whether every answer was the expected one
 */
export async function walkThrough(demo: Demo, narrator: Narrator): Promise<boolean> {
  narrator.heading('A token for a program (client credentials)');
  const issued = await exchange(tokenRequest(demo, demo.client));
  narrator.exchange(issued, 200);
  const token = accessToken(issued);
  if (token === undefined) return false;
  const local = await walkApi(demo, narrator, token);
  const sql = await walkSql(demo, narrator, token);
  await demo.validateBy('remote');
  const remote = await walkApi(demo, narrator, token);
  const revoked = await walkRevocation(demo, narrator, token);
  await demo.validateBy('local');
  return local && sql && remote && revoked;
}

function tokenRequest({ issuer }: Demo, client: ClientWithSecret): ExchangeRequest {
  return {
    method: 'POST',
    url: `${issuer}/v1/token`,
    authorization: basic(client),
    form: { grant_type: 'client_credentials', scope: 'read_sayhello' },
  };
}

function basic({ client_id, client_secret }: ClientWithSecret) {
  return {
    scheme: 'Basic',
    credentials: Buffer.from(`${client_id}:${client_secret}`).toString('base64'),
  } as const;
}

function accessToken({ body }: Exchange): string | undefined {
  const token = (body as { access_token?: unknown }).access_token;
  return typeof token === 'string' ? token : undefined;
}

async function walkApi(demo: Demo, narrator: Narrator, token: string): Promise<boolean> {
  narrator.heading(
    demo.validation === 'local'
      ? 'The API validates locally: signature and claims, against the key set it fetched'
      : 'The API validates remotely: it asks the issuer, by /introspect, for every request',
  );
  return runSteps(apiSteps(demo, token), narrator);
}

function apiSteps({ api }: Demo, token: string): Step[] {
  const bearer = (credentials: string) => ({ authorization: { scheme: 'Bearer', credentials } as const });
  const get = (path: string) => ({ method: 'GET' as const, url: `${api}${path}` });
  return [
    {
      title: '/sayhello with the token',
      lesson: 'The token is good, and the policy opens this route to its scope.',
      request: { ...get('/sayhello'), ...bearer(token) },
      expectedStatus: 200,
    },
    {
      title: '/saysecret with the same token',
      lesson: 'Who asks is known; the policy says no, and names the scope that is missing.',
      request: { ...get('/saysecret'), ...bearer(token) },
      expectedStatus: 403,
    },
    {
      title: '/sayhello with one letter of the token changed',
      lesson: 'Nobody may know who asks: the policy is not even consulted.',
      request: { ...get('/sayhello'), ...bearer(tampered(token)) },
      expectedStatus: 401,
    },
    {
      title: '/sayhello without a token',
      lesson: 'The challenge says what to send.',
      request: get('/sayhello'),
      expectedStatus: 401,
    },
  ];
}

/** Another letter in the middle of the signature. */
function tampered(token: string): string {
  const index = token.lastIndexOf('.') + 20;
  return token.slice(0, index) + (token.charAt(index) === 'A' ? 'B' : 'A') + token.slice(index + 1);
}

async function walkRevocation(demo: Demo, narrator: Narrator, token: string): Promise<boolean> {
  narrator.heading('Revocation: remote validation sees it at once');
  return runSteps(
    [
      {
        title: 'The client revokes its token',
        lesson: 'Local validation would accept the token until it expires.',
        request: {
          method: 'POST',
          url: `${demo.issuer}/v1/revoke`,
          authorization: basic(demo.client),
          form: { token },
        },
        expectedStatus: 200,
      },
      {
        title: '/sayhello with the revoked token',
        lesson: 'Its signature is as good as before, but the issuer no longer stands by it.',
        request: {
          method: 'GET',
          url: `${demo.api}/sayhello`,
          authorization: { scheme: 'Bearer', credentials: token },
        },
        expectedStatus: 401,
      },
    ],
    narrator,
  );
}

async function runSteps(steps: readonly Step[], narrator: Narrator): Promise<boolean> {
  let asExpected = true;
  for (const step of steps) {
    narrator.line(`\n  ${step.title}. ${step.lesson}`);
    const answer = await exchange(step.request);
    narrator.exchange(answer, step.expectedStatus);
    asExpected &&= answer.status === step.expectedStatus;
  }
  return asExpected;
}
