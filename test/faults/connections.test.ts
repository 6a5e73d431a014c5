import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApiEnvironment } from '../support/api-world.js';
import type { Misbehave } from '../support/misbehaviours.js';
import { observedApi, patientWithOkta, patientWithOpa } from './support/observed-api.js';
import type { UpstreamName } from './support/observed-api.js';
import { expectUnavailable, serverOf } from './support/outage.js';
import type { Outage } from './support/outage.js';

const outages = [
  { upstream: 'okta_introspection', code: 'authentication_unavailable' },
  { upstream: 'opa', code: 'authorization_unavailable' },
] as const satisfies readonly Outage[];

/** More requests at once than there are sockets to an upstream. */
const crowd = 100;

describe.each(outages)('the connections to $upstream', (outage) => {
  const { observed, server, oneToken, askAll } = crowdAt(outage, { ...patientWithOkta, ...patientWithOpa });
  const broken = (): Promise<number> => observed().failures(outage.upstream satisfies UpstreamName, 'broken');

  it('that have all gone stale cost no request', async () => {
    const before = await broken();
    await server().misbehave(onceOnEach());
    for (const round of ['opens them', 'finds them stale', 'opens others', 'finds them stale again']) {
      const statuses = (await askAll(20)).map(({ status }) => status);
      expect(new Set(statuses), round).toEqual(new Set([200]));
    }
    expect(await broken()).toBe(before);
  });

  it('that are closed soon after an answer, without a word, cost no request', async () => {
    await server().misbehave((response, answerWell) => {
      const { req } = response;
      // Late enough to meet the next request on its way.
      response.on('finish', () => setTimeout(() => req.socket.destroy(), 2));
      answerWell();
    });
    for (let round = 0; round < 5; round++)
      expect(new Set((await askAll()).map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('that break on the first request as well are given up after the second attempt', async () => {
    const before = server().requests.length;
    await server().misbehave((response) => response.destroy());
    expectUnavailable(await observed().ask(oneToken()), outage);
    expect(server().requests.length - before).toBe(2);
  });

  it('carry hints before an answer', async () => {
    await server().misbehave((response, answerWell) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      response.writeProcessing();
      answerWell();
    });
    expect(await observed().ask(oneToken())).toMatchObject({ status: 200 });
  });
});

describe.each(outages)('the connections to $upstream, too few for a crowd', (outage) => {
  const { observed, server, oneToken, askAll } = crowdAt(outage, {});

  it.each(['refused', 'silent', 'status 500', 'reset mid-body'] as const)(
    'and "%s": nobody waits longer than the deadline, and nobody after',
    async (how) => {
      await server().misbehave(how);
      for (const answer of await askAll()) expectUnavailable(answer, outage);
      await server().misbehave('well');
      expect(await observed().ask(oneToken())).toMatchObject({ status: 200 });
    },
  );
});

/** A process of the API in remote mode, and more who ask at once than there are sockets to an upstream. */
function crowdAt(outage: Outage, changes: ApiEnvironment) {
  const observed = observedApi({ ...changes, OKTA_VALIDATION: 'remote' });
  const server = () => serverOf(observed(), outage);
  let tokens: readonly string[];

  beforeAll(async () => {
    tokens = await Promise.all(Array.from({ length: crowd }, () => observed().world.token()));
  });
  beforeEach(() => server().misbehave('well'));

  /** Every token once, all at the same time: each is another, so that introspection asks for each. */
  const askAll = (count = crowd) => Promise.all(tokens.slice(0, count).map((token) => observed().ask(token)));
  return { observed, server, askAll, oneToken: () => tokens[0] ?? '' };
}

/** Answers the first request on each connection, and resets the connection when a second one comes. */
function onceOnEach(): Misbehave {
  const used = new WeakSet<Socket>();
  return ({ req: { socket } }: ServerResponse, answerWell) => {
    if (used.has(socket)) {
      socket.resetAndDestroy();
    } else {
      used.add(socket);
      answerWell();
    }
  };
}
