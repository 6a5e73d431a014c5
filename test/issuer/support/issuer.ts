import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../src/base/clock.js';
import { startIssuer } from '../../../src/issuer/start-issuer.js';
import type { RunningIssuer } from '../../../src/issuer/start-issuer.js';
import type { ClientWithSecret } from '../../../src/issuer/clients/client-registry.js';
import { createLogger } from '../../../src/operations/logging.js';
import { readIssuerSettings } from '../../../src/settings/issuer-settings.js';
import { valuesOrThrow } from '../../../src/settings/report.js';

export interface TestIssuer extends RunningIssuer {
  /** Where it really listens: `http://127.0.0.1:port`. Its name, the `iss`, is the base URL of the settings. */
  readonly origin: string;
  /** Every log line so far. */
  readonly log: readonly string[];
}

/** A pepper of these tests, made anew in each run. */
export const testPepper = randomBytes(32).toString('base64');

/** The real issuer on free ports, with its database in memory unless the environment says otherwise. */
export async function startTestIssuer(
  environment: Record<string, string> = {},
  clock?: Clock,
): Promise<TestIssuer> {
  const settings = readIssuerSettings({
    ISSUER_PORT: '0',
    ISSUER_MANAGEMENT_PORT: '0',
    ISSUER_DATABASE_URL: 'pglite:memory',
    ISSUER_PEPPER: testPepper,
    ...environment,
  });
  const log: string[] = [];
  const destination = { write: (line: string) => void log.push(line), flush: () => undefined };
  const issuer = await startIssuer(
    valuesOrThrow(settings),
    createLogger({ level: 'trace', destination }),
    clock,
  );
  return { ...issuer, origin: `http://127.0.0.1:${issuer.port}`, log };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export type Form = string | Uint8Array<ArrayBuffer> | Record<string, string>;

export interface Posting {
  readonly headers?: Record<string, string>;
  readonly contentType?: string;
}

/** Posts a form, or bytes as they are, to `/oauth2/default/v1/…`. */
export async function post(
  issuer: TestIssuer,
  path: string,
  form: Form,
  posting: Posting = {},
): Promise<Answer> {
  const body =
    typeof form === 'string' || form instanceof Uint8Array ? form : new URLSearchParams(form).toString();
  const contentType = posting.contentType ?? 'application/x-www-form-urlencoded';
  return send(`${issuer.origin}/oauth2/default/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': contentType, ...posting.headers },
    body,
  });
}

export async function send(url: string, request: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, request);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  const json = (isJson && text !== '' ? JSON.parse(text) : {}) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, text, json };
}

type Credentials = Pick<ClientWithSecret, 'client_id' | 'client_secret'>;

export function basic({ client_id, client_secret }: Credentials): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}` };
}

/** A token of the client credentials grant. */
export async function tokenFor(issuer: TestIssuer, client: Credentials, scope: string): Promise<string> {
  const form = { grant_type: 'client_credentials', scope };
  const { json } = await post(issuer, 'token', form, { headers: basic(client) });
  return String(json.access_token);
}
