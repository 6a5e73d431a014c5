import { onTestFinished } from 'vitest';
import { createTokenSource } from '../../../src/token-source/index.js';
import type { Timing, TokenSource, TokenSourceOptions } from '../../../src/token-source/index.js';
import { sendJson, startMisbehavingServer } from '../../support/misbehaving-server.js';
import type { MisbehavingServer, ReceivedRequest } from '../../support/misbehaving-server.js';

export type Members = Readonly<Record<string, unknown>>;

export interface TokenServer extends MisbehavingServer {
  /** Members that its answers have instead of the usual ones, from now on; undefined takes one away. */
  answersWith(changes: Members): void;
  /** The forms that were posted so far. */
  forms(): readonly Record<string, string>[];
}

/** A token endpoint on loopback whose tokens are `token-1`, `token-2` … and live for an hour; closed when the test ends. */
export async function startTokenServer(): Promise<TokenServer> {
  let changes: Members = {};
  let tokens = 0;
  const server = await startMisbehavingServer((_, response) => {
    sendJson(response, 200, { ...goodAnswer(++tokens), ...changes });
  });
  onTestFinished(() => server.close());
  return Object.assign(server, {
    answersWith: (members: Members) => {
      changes = members;
    },
    forms: () => server.requests.map(formOf),
  });
}

function goodAnswer(number: number): Members {
  return { token_type: 'Bearer', expires_in: 3600, access_token: `token-${number}`, scope: 'read_weather' };
}

function formOf({ body }: ReceivedRequest): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(body));
}

/** A source at that server, closed when the test ends. */
export function sourceAt(
  { origin }: { readonly origin: string },
  timing: Timing,
  changes: Members = {},
): TokenSource {
  const options = {
    tokenEndpoint: `${origin}/token`,
    clientId: 'job',
    clientSecret: 'the-client-secret',
    grant: 'client_credentials',
    ...changes,
  };
  const source = createTokenSource(options as TokenSourceOptions, timing);
  onTestFinished(() => source.close());
  return source;
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('nothing was thrown');
}
