import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bearer, get, json, send } from '../support/api-client.js';
import { endNow, listening, runMain } from '../support/api-process.js';
import type { ListeningApi } from '../support/api-process.js';
import { startApiWorld } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';
import { describeWithVectors, readJsonFile } from '../support/vectors.js';

interface HostileToken {
  readonly id: string;
  readonly expect: 'accept' | 'reject' | 'reject-and-no-outbound' | 'no-pollution';
  readonly token: string;
}

/** The set is for verifiers that take EdDSA too; the API takes RS256 only. */
const acceptedElsewhere = new Set(['ed-valid']);

/** Those that are refused before anybody looks for a token in them. */
const notEvenTokens: Readonly<Record<string, number>> = {
  // A line feed inside a header: no HTTP.
  'b64-newline-end': 400,
  // A header beyond the limit.
  'bearer-100k-dots': 431,
  // Commas stand between credentials.
  'json-serialization-flattened': 400,
};

describeWithVectors('hostile tokens sent to the real process', 'hostile/jwt.json', (file) => {
  const vectors = readJsonFile(file) as { iss: string; aud: string; cases: HostileToken[] };
  const cases = vectors.cases.map((row) => ({
    ...row,
    isAccepted: row.expect === 'accept' && !acceptedElsewhere.has(row.id),
  }));
  const accepted = cases.filter(({ isAccepted }) => isAccepted);
  let world: ApiWorld;
  let api: ListeningApi;

  beforeAll(async () => {
    world = await startApiWorld();
    world.okta.publish(readJsonFile(join(dirname(file), 'jwks.json')));
    // Whoever gets past the token may do anything: what is refused is refused for its token.
    world.opa.decidesBy(() => true);
    const { iss, aud } = vectors;
    api = await listening(
      runMain(
        world.environment({
          OKTA_ISSUER: iss,
          OKTA_AUDIENCE: aud,
          OKTA_CLIENT_ID: '0oaclient',
          OKTA_JWKS_URL: world.okta.keysUrl.href,
        }),
      ),
    );
  });

  afterAll(async () => {
    await endNow(api);
    await world.close();
  });

  const ask = (token: string) => send(api.port, { target: '/sayhello', headers: [bearer(token)] });

  it('are ninety-two, of which five are good', () => {
    expect(cases).toHaveLength(92);
    expect(accepted).toHaveLength(5);
  });

  it.each(accepted)('$id is let in', async ({ token }) => {
    const answer = await ask(token);
    expect([answer.status, json(answer)]).toEqual([200, { message: 'Hello there!!' }]);
  });

  it.each(cases.filter(({ isAccepted }) => !isAccepted))('$id is refused', async ({ id, token }) => {
    const askedBefore = world.opa.asked().length;
    const answer = await ask(token);
    expect(answer.status).toBe(notEvenTokens[id] ?? 401);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(world.opa.asked()).toHaveLength(askedBefore);
  });

  it('sent all at once over and over leave the same process, which still tells good from bad', async () => {
    const many = [...cases, ...cases, ...cases];
    const statuses = await Promise.all(many.map(async ({ token }) => (await ask(token)).status));
    const lets = statuses.map((status) => status === 200);
    expect(lets).toEqual(many.map(({ isAccepted }) => isAccepted));
    expect(api.process).toMatchObject({ pid: api.pid, exitCode: null, signalCode: null });
    expect(await get(api.managementPort, '/health/live')).toMatchObject({ status: 200 });
    expect(api.log().filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  describe('of which none', () => {
    it('makes the process fetch anything but its key set', () => {
      expect(new Set(world.okta.requests.map(({ url }) => url))).toEqual(
        new Set([world.okta.keysUrl.pathname]),
      );
    });

    it('shows in what the process wrote', () => {
      const written = api.output.stdout + api.output.stderr;
      const parts = cases.flatMap(({ token }) => token.split('.').filter((part) => part.length > 40));
      expect(parts.filter((part) => written.includes(part))).toEqual([]);
    });
  });
});
