import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromElsewhere } from '../issuer/support/assertions.js';
import { send, startTestIssuer } from '../issuer/support/issuer.js';
import type { TestIssuer } from '../issuer/support/issuer.js';
import { clients, redirectUri, scope, signerKey, ungrantedScope } from './support/malformed-clients.js';
import {
  atEveryEndpoint,
  atTheTokenEndpoint,
  wellFormed,
  whereTokensAreSent,
} from './support/malformed-requests.js';
import type { Attempt, Pairs } from './support/malformed-requests.js';
import { differencesAtTheTokenEndpoint, differencesEverywhere } from './support/known-differences.js';
import type { Difference, Outcome } from './support/known-differences.js';
import { startOracle } from './support/oracle.js';
import type { Oracle } from './support/oracle.js';

let issuer: TestIssuer;
let oracle: Oracle;

beforeAll(async () => {
  issuer = await startTestIssuer({ ISSUER_TRUST_PROXY: '127.0.0.1' });
  oracle = await startOracle();
  for (const { id, secret, authMethod, grants } of clients)
    await issuer.registry.import({
      id,
      secret,
      name: id,
      authMethod,
      grants,
      scopes: [scope],
      redirectUris: grants.some((grant) => grant === 'authorization_code') ? [redirectUri] : [],
      jwks: authMethod === 'private_key_jwt' ? { keys: [signerKey.jwk] } : null,
    });
  // Another client's scope, so that the server knows it.
  await issuer.registry.add({ name: 'other', scopes: [ungrantedScope] });
});
afterAll(async () => {
  await issuer.close();
  await oracle.close();
});

type Endpoint = 'token' | 'introspect' | 'revoke';

const good: Record<Endpoint, Pairs> = {
  token: [
    ['grant_type', 'client_credentials'],
    ['scope', scope],
  ],
  introspect: [['token', 'unknown']],
  revoke: [['token', 'unknown']],
};

async function outcome(
  name: string,
  server: string,
  endpoint: Endpoint,
  { request }: Attempt,
): Promise<Outcome> {
  const sent = await request({ issuer: name, good: good[endpoint] });
  const { headers, body, contentType = 'application/x-www-form-urlencoded', query = '' } = sent;
  const answer = await send(`${server}/v1/${endpoint}${query}`, {
    method: 'POST',
    headers: { ...(body !== undefined && { 'content-type': contentType }), ...fromElsewhere(), ...headers },
    ...(body !== undefined && { body }),
  });
  const { error } = answer.json;
  return typeof error === 'string' ? error : answer.status;
}

/** What each says to the same request: the `error`, or the status where there is none. */
async function outcomes(endpoint: Endpoint, attempt: Attempt) {
  return {
    issuer: await outcome(issuer.issuer, `${issuer.origin}/oauth2/default`, endpoint, attempt),
    oracle: await outcome(oracle.issuer, oracle.issuer, endpoint, attempt),
  };
}

const endpoints: readonly Endpoint[] = ['token', 'introspect', 'revoke'];

describe.each(endpoints)('well-formed requests to %s are taken by both', (endpoint) => {
  it.each(wellFormed)('with $what', async (attempt) => {
    expect(await outcomes(endpoint, attempt)).toEqual({ issuer: 200, oracle: 200 });
  });
});

describe.each<[Endpoint, readonly Attempt[]]>([
  ['token', [...atEveryEndpoint, ...atTheTokenEndpoint]],
  ['introspect', [...atEveryEndpoint, ...whereTokensAreSent]],
  ['revoke', [...atEveryEndpoint, ...whereTokensAreSent]],
])('malformed requests to %s get the same error as elsewhere', (endpoint, requests) => {
  it.each(requests)('$what', async (attempt) => {
    const said = await outcomes(endpoint, attempt);
    expect(said.issuer).toBe(said.oracle);
    expect(said.issuer).toEqual(expect.any(String));
  });
});

describe.each<[Endpoint, readonly Difference[]]>([
  ['token', [...differencesEverywhere, ...differencesAtTheTokenEndpoint]],
  ['introspect', differencesEverywhere],
  ['revoke', differencesEverywhere],
])('requests to %s that get another answer than elsewhere', (endpoint, differences) => {
  describe.each(differences)('$why', ({ issuer: ours, oracle: theirs, attempts }) => {
    it.each(attempts)('$what', async (attempt) => {
      expect(await outcomes(endpoint, attempt)).toEqual({ issuer: ours, oracle: theirs });
    });
  });
});
