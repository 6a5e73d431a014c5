import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createTokenSource } from '../../src/token-source/index.js';
import { sendJson } from '../support/misbehaving-server.js';
import { manualTiming } from './support/manual-timing.js';
import { rejection, sourceAt, startTokenServer } from './support/token-server.js';

const secrets = [
  'the-client-secret',
  'the-password',
  'the-refresh-token',
  'token-1',
  'the-next-refresh-token',
];
/** As they are, and as a Basic header has them. */
const spellings = [...secrets, Buffer.from('job:the-client-secret').toString('base64')];

const grants = {
  password: { username: 'roach', password: 'the-password' },
  refresh: { refreshToken: 'the-refresh-token', onRefreshToken: () => undefined },
};

/** Everything that can be seen of a value, its hidden members and causes too. */
function seen(value: unknown): string {
  const shown = inspect(value, { depth: null, showHidden: true, getters: true });
  const text = value instanceof Error ? `${value.message}${String(value.stack)}` : '';
  return `${shown}${text}${JSON.stringify(value)}`;
}

function secretsIn(...values: readonly unknown[]): string[] {
  const text = values.map(seen).join('\n');
  return spellings.filter((secret) => text.includes(secret));
}

describe('secrets and tokens', () => {
  it.each(Object.values(grants))('are not to be seen in a source, its parts or its events', async (grant) => {
    const server = await startTokenServer();
    server.answersWith({ refresh_token: 'the-next-refresh-token' });
    const events: unknown[] = [];
    const onRefresh = (event: unknown): number => events.push(event);
    const source = sourceAt(server, manualTiming(), { grant, onRefresh });
    const before = secretsIn(source);
    expect(await source.token()).toBe('token-1');
    expect([before, secretsIn(source, source.asPassword(), source.asHeader(), events)]).toEqual([[], []]);
  });

  it.each([
    'refused',
    'status 500',
    'redirect',
    'html',
    'broken JSON',
    'reset mid-body',
    'gzip bomb',
    'silent',
  ] as const)('are not to be seen in the error of a server that is "%s"', async (how) => {
    const server = await startTokenServer();
    await server.misbehave(how);
    const options = { grant: grants.password, deadlineMs: 200, retries: 0 };
    expect(secretsIn(await rejection(sourceAt(server, manualTiming(), options).token()))).toEqual([]);
  });

  it.each([
    { note: 'an OAuth error', status: 400, error: 'invalid_grant' },
    { note: 'an error of its own', status: 403, error: 'the-password' },
    { note: 'a failure', status: 503, error: 'the-client-secret' },
  ])('are not to be seen in the error of a server that repeats them in $note', async ({ status, error }) => {
    const server = await startTokenServer();
    await server.misbehave((response) => {
      const headers = {
        'retry-after': 'the-password',
        'www-authenticate': 'Basic realm="the-client-secret"',
      };
      sendJson(response, status, { error, error_description: secrets.join(' ') }, headers);
    });
    const options = { grant: grants.password, retries: 0 };
    expect(secretsIn(await rejection(sourceAt(server, manualTiming(), options).token()))).toEqual([]);
  });

  it('are not to be seen in the error of an answer that breaks HTTP', async () => {
    const server = await startTokenServer();
    await server.misbehave(({ socket }) => socket?.end(`HTTP/1.1 200 OK\r\n${secrets.join(' ')}\r\n\r\n`));
    const error = await rejection(sourceAt(server, manualTiming(), { retries: 0 }).token());
    expect(error).toMatchObject({ code: 'unavailable' });
    expect(secretsIn(error)).toEqual([]);
  });

  it('are not to be seen in the refusal of options', () => {
    const grant = { refreshToken: 'the-refresh-token', onRefreshToken: 'the-password' };
    const create = () =>
      createTokenSource({
        issuer: 'http://job:the-client-secret@idp.test',
        clientId: 'job',
        clientSecret: 'the-client-secret',
        grant: grant as never,
      });
    let thrown: unknown;
    try {
      create();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'invalid_options' });
    expect(secretsIn(thrown)).toEqual([]);
  });
});
