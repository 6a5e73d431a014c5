import type { ServerResponse } from 'node:http';
import { sendJson, startMisbehavingServer } from './misbehaving-server.js';
import type { MisbehavingServer, ReceivedRequest } from './misbehaving-server.js';
import { testClientId } from './tokens.js';

const serverPath = '/oauth2/default';

export const testClientSecret = 'test-client-secret';

export interface OktaStandInOptions {
  /** What `/v1/keys` answers at first: a JWK set, or anything else. */
  readonly keySet?: unknown;
  /** Its Cache-Control header. */
  readonly cacheControl?: string;
}

/** A small Okta authorization server on loopback: `/v1/keys` and `/v1/introspect`. */
export interface OktaStandIn extends MisbehavingServer {
  /** `{origin}/oauth2/default`. */
  readonly issuer: string;
  readonly keysUrl: URL;
  readonly introspectUrl: URL;
  /** What `/v1/keys` answers from now on; any value, so that it can be no key set. */
  publish(keySet: unknown): void;
  /** What `/v1/introspect` answers for a token from now on; for every other token it is `{"active":false}`. */
  introspects(token: string, answer: unknown): void;
  /** The token is answered as inactive from now on. */
  revoke(token: string): void;
  /** Requests so far for the key set. */
  keyRequests(): number;
  /** Tokens that were introspected so far, one entry a call. */
  introspected(): readonly string[];
}

/** Starts Okta's stand-in on a free port of loopback. */
export async function startOktaStandIn(options: OktaStandInOptions = {}): Promise<OktaStandIn> {
  const state: OktaState = {
    keySet: options.keySet ?? { keys: [] },
    cacheControl: options.cacheControl ?? 'max-age=3600, must-revalidate',
    answers: new Map(),
  };
  const server = await startMisbehavingServer((request, response) => {
    answerAsOkta(state, request, response);
  });
  const issuer = `${server.origin}${serverPath}`;
  return Object.assign(server, {
    issuer,
    keysUrl: new URL(`${issuer}/v1/keys`),
    introspectUrl: new URL(`${issuer}/v1/introspect`),
    publish: (keySet: unknown) => {
      state.keySet = keySet;
    },
    introspects: (token: string, answer: unknown) => {
      state.answers.set(token, answer);
    },
    revoke: (token: string) => {
      state.answers.delete(token);
    },
    keyRequests: () => server.requests.filter(({ url }) => url.endsWith('/v1/keys')).length,
    introspected: () =>
      server.requests.filter(({ url }) => url.endsWith('/v1/introspect')).map((request) => tokenOf(request)),
  });
}

interface OktaState {
  keySet: unknown;
  readonly cacheControl: string;
  readonly answers: Map<string, unknown>;
}

function answerAsOkta(state: OktaState, request: ReceivedRequest, response: ServerResponse): void {
  if (request.url === `${serverPath}/v1/keys` && request.method === 'GET') {
    sendJson(response, 200, state.keySet, { 'cache-control': state.cacheControl });
  } else if (request.url === `${serverPath}/v1/introspect` && request.method === 'POST') {
    answerIntrospection(state, request, response);
  } else {
    sendJson(response, 404, { errorCode: 'E0000007' });
  }
}

function answerIntrospection(state: OktaState, request: ReceivedRequest, response: ServerResponse): void {
  const credentials = Buffer.from(`${testClientId}:${testClientSecret}`).toString('base64');
  if (request.headers.authorization !== `Basic ${credentials}`) {
    sendJson(response, 401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic' });
  } else if (tokenOf(request) === '') {
    const description = "The 'token' parameter is required.";
    sendJson(response, 400, { error: 'invalid_request', error_description: description });
  } else {
    sendJson(response, 200, state.answers.get(tokenOf(request)) ?? { active: false });
  }
}

function tokenOf(request: ReceivedRequest): string {
  return new URLSearchParams(request.body).get('token') ?? '';
}
