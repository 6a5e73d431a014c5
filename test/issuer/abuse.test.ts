import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AttemptLimiter } from '../../src/issuer/abuse/attempt-limiter.js';
import { OktaApiError } from '../../src/issuer/okta-api-error.js';
import { Passwords } from '../../src/issuer/users/passwords.js';
import type { ClientWithSecret } from '../../src/issuer/clients/client-registry.js';
import { frozenClock, testNow } from '../support/tokens.js';
import { fromElsewhere } from './support/assertions.js';
import { addClient, preparedDatabase } from './support/clients.js';
import type { AddedClient } from './support/clients.js';
import { basic, post, startTestIssuer } from './support/issuer.js';
import type { Answer, TestIssuer } from './support/issuer.js';

const attacker = '203.0.113.1';
const victim = '192.0.2.7';

/** The status that a step of an attempt leads to; undefined where it passes. */
function refusal(step: () => void): number | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    if (error instanceof OktaApiError) return error.status;
    throw error;
  }
}

function limiterAt(clock = frozenClock()) {
  const limiter = new AttemptLimiter(clock.now);
  const fail = (account: string, source: string, times = 1): void => {
    for (let time = 0; time < times; time++) limiter.failed(account, source);
  };
  const check = (account: string, source: string) =>
    refusal(() => {
      limiter.check(account, source);
    });
  return { clock, limiter, fail, check };
}

describe('failed attempts', () => {
  it('of one account from one source are ten at once', () => {
    const { check, fail } = limiterAt();
    fail('roach', attacker, 9);
    expect(check('roach', attacker)).toBeUndefined();
    fail('roach', attacker);
    expect(check('roach', attacker)).toBe(429);
  });

  it('hinder nobody elsewhere, and no other account', () => {
    const { check, fail } = limiterAt();
    fail('roach', attacker, 10);
    expect(check('roach', victim)).toBeUndefined();
    expect(check('other', attacker)).toBeUndefined();
  });

  it('are the same account’s however it is written', () => {
    const { check, fail } = limiterAt();
    fail('roach@example.test', attacker, 5);
    fail('Roach@Example.TEST', attacker, 5);
    expect(check('ROACH@example.test', attacker)).toBe(429);
  });

  it('are told apart by the whole of a long name', () => {
    const { check, fail } = limiterAt();
    fail(`${'x'.repeat(60_000)}a`, attacker, 10);
    expect(check(`${'x'.repeat(60_000)}a`, attacker)).toBe(429);
    expect(check(`${'x'.repeat(60_000)}b`, attacker)).toBeUndefined();
  });

  it('may go on at ten a minute', () => {
    const { check, clock, fail } = limiterAt();
    fail('roach', attacker, 10);
    clock.advance(5999);
    expect(check('roach', attacker)).toBe(429);
    clock.advance(1);
    expect(check('roach', attacker)).toBeUndefined();
    fail('roach', attacker);
    expect(check('roach', attacker)).toBe(429);
    clock.advance(60_000);
    fail('roach', attacker, 10);
    expect(check('roach', attacker)).toBe(429);
  });

  it('are answered with what Okta’s clients wait by', () => {
    const { clock, fail, limiter } = limiterAt();
    clock.advance(1);
    fail('roach', attacker, 10);
    try {
      limiter.check('roach', attacker);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        status: 429,
        code: 'E0000047',
        message: 'API call exceeded rate limit due to too many requests.',
        headers: {
          'x-rate-limit-limit': '10',
          'x-rate-limit-remaining': '0',
          'x-rate-limit-reset': String(testNow / 1000 + 7),
          'retry-after': '6',
        },
      });
    }
  });

  it('in a crowd that was let in together tell no more than one after the other', () => {
    const { fail, limiter } = limiterAt();
    limiter.check('roach', attacker);
    limiter.check('roach', attacker);
    fail('roach', attacker, 10);
    expect(
      refusal(() => {
        limiter.failed('roach', attacker);
      }),
    ).toBe(429);
    expect(
      refusal(() => {
        limiter.succeeded('roach', attacker);
      }),
    ).toBe(429);
  });

  it('are not made up for by successes', () => {
    const { check, fail, limiter } = limiterAt();
    fail('roach', attacker, 9);
    limiter.succeeded('roach', attacker);
    fail('roach', attacker);
    expect(check('roach', attacker)).toBe(429);
  });
});

describe('failures of many accounts', () => {
  it('from one source are a hundred at once; who got it right there lately still passes', () => {
    const { check, fail, limiter } = limiterAt();
    limiter.succeeded('neighbour', attacker);
    for (let account = 0; account < 100; account++) fail(`account${account}`, attacker);
    expect(check('another', attacker)).toBe(429);
    expect(check('neighbour', attacker)).toBeUndefined();
    expect(check('another', victim)).toBeUndefined();
  });

  it('from everywhere are three thousand at once; who got it right lately still passes', () => {
    const { check, clock, fail, limiter } = limiterAt();
    limiter.succeeded('roach', victim);
    for (let guess = 0; guess < 3000; guess++) fail('roach', `2001:db8:0:${guess}::/64`);
    expect(check('roach', '2001:db8:1:1::/64')).toBe(429);
    expect(check('roach', victim)).toBeUndefined();
    fail('roach', victim, 9);
    expect(check('roach', victim)).toBeUndefined();
    clock.advance(1000);
    expect(check('roach', '2001:db8:1:1::/64')).toBeUndefined();
  });

  it('who got it right a day ago counts as anybody', () => {
    const { check, clock, fail, limiter } = limiterAt();
    limiter.succeeded('neighbour', attacker);
    clock.advance(24 * 3_600_000);
    for (let account = 0; account < 100; account++) fail(`account${account}`, attacker);
    expect(check('neighbour', attacker)).toBe(429);
  });
});

const grant = { grant_type: 'client_credentials', scope: 'read_sayhello' };

describe('an issuer behind a proxy that it trusts', () => {
  let issuer: TestIssuer;
  let client: ClientWithSecret;

  beforeAll(async () => {
    issuer = await startTestIssuer({ ISSUER_TRUST_PROXY: '127.0.0.1' });
  });
  afterAll(() => issuer.close());

  const ask = (client_secret: string, headers: Record<string, string>): Promise<Answer> =>
    post(issuer, 'token', { ...grant, client_id: client.client_id, client_secret }, { headers });

  it('gives a crowd of guesses ten answers, and 429 to the rest', async () => {
    client = await issuer.registry.add({ name: 'crowd', scopes: ['read_sayhello'] });
    const from = fromElsewhere();
    const guesses = await Promise.all(Array.from({ length: 30 }, (_, guess) => ask(`guess${guess}`, from)));
    const statuses = guesses.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(20);
  });

  it('then refuses even the right secret from there, and takes it from elsewhere', async () => {
    client = await issuer.registry.add({ name: 'victim', scopes: ['read_sayhello'] });
    const from = fromElsewhere();
    for (let guess = 0; guess < 10; guess++) expect((await ask('wrong', from)).status).toBe(401);
    const refused = await ask(client.client_secret, from);
    expect([refused.status, refused.json.errorCode]).toEqual([429, 'E0000047']);
    expect(Object.keys(refused.json).toSorted()).toEqual([
      'errorCauses',
      'errorCode',
      'errorId',
      'errorLink',
      'errorSummary',
    ]);
    const header = (name: string) => Number(refused.headers.get(name));
    expect([header('x-rate-limit-limit'), header('x-rate-limit-remaining')]).toEqual([10, 0]);
    expect(header('retry-after')).toBeGreaterThanOrEqual(1);
    expect(header('retry-after')).toBeLessThanOrEqual(6);
    expect(header('x-rate-limit-reset') * 1000).toBeGreaterThan(Date.now());
    expect((await ask(client.client_secret, fromElsewhere())).status).toBe(200);
  });

  it('takes any number of right calls', async () => {
    client = await issuer.registry.add({ name: 'busy', scopes: ['read_sayhello'] });
    const from = fromElsewhere();
    const calls = await Promise.all(Array.from({ length: 150 }, () => ask(client.client_secret, from)));
    expect(new Set(calls.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('counts what introspection and revocation refuse as well', async () => {
    client = await issuer.registry.add({ name: 'elsewhere', scopes: ['read_sayhello'] });
    const headers = fromElsewhere();
    const form = { token: 'x', client_id: client.client_id, client_secret: 'wrong' };
    for (let guess = 0; guess < 5; guess++) {
      await post(issuer, 'introspect', form, { headers });
      await post(issuer, 'revoke', form, { headers });
    }
    expect((await ask(client.client_secret, headers)).status).toBe(429);
  });
});

it('an issuer that trusts no proxy believes no X-Forwarded-For', async () => {
  const issuer = await startTestIssuer();
  try {
    const client = await issuer.registry.add({ name: 'victim', scopes: ['read_sayhello'] });
    const ask = (client_secret: string) =>
      post(
        issuer,
        'token',
        { ...grant, client_id: client.client_id, client_secret },
        { headers: fromElsewhere() },
      );
    for (let guess = 0; guess < 10; guess++) expect((await ask('wrong')).status).toBe(401);
    expect((await ask(client.client_secret)).status).toBe(429);
  } finally {
    await issuer.close();
  }
});

describe('guessing the password of a person', () => {
  const [right, wrong] = ['correct horse battery staple', 'guess'];
  let issuer: TestIssuer;
  let app: AddedClient;
  let database: { readonly url: string; readonly remove: () => void };

  beforeAll(async () => {
    const onPglite = { newDatabase: () => Promise.resolve('pglite:memory') };
    const password_hash = await new Passwords({ maxConcurrent: 1, maxWaiting: 0 }).hash(right);
    database = await preparedDatabase(onPglite, async (store) => {
      app = await addClient(store, { grants: ['password'] });
      await store.change((db) =>
        db
          .insertInto('users')
          .values({ id: '00uRoach', login: 'roach@example.test', password_hash })
          .execute(),
      );
    });
    issuer = await startTestIssuer({ ISSUER_DATABASE_URL: database.url, ISSUER_TRUST_PROXY: '127.0.0.1' });
  });
  afterAll(async () => {
    await issuer.close();
    database.remove();
  });

  it.each(['roach@example.test', 'nobody@example.test'])('%s ends after ten', async (username) => {
    const from = fromElsewhere();
    const signIn = (password: string, headers: Record<string, string>) =>
      post(
        issuer,
        'token',
        { grant_type: 'password', scope: 'read_sayhello', username, password },
        { headers: { ...basic(app), ...headers } },
      );
    for (let guess = 0; guess < 10; guess++)
      expect((await signIn(wrong, from)).json.error).toBe('invalid_grant');
    const refused = await signIn(right, from);
    expect([refused.status, refused.json.errorCode]).toEqual([429, 'E0000047']);
    const elsewhere = await signIn(right, fromElsewhere());
    expect(elsewhere.status).toBe(username.startsWith('roach') ? 200 : 400);
  });
});
