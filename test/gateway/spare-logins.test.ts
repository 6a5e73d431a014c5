import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithPostgres } from '../support/postgres.js';
import { errorResponse } from '../../src/gateway/wire/backend-messages.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { startPassage } from './support/passage.js';
import type { Passage } from './support/passage.js';

describeWithPostgres('logins one after another', (binaries) => {
  let passage: Passage;
  let gateway: TestGateway;
  beforeAll(async () => {
    passage = await startPassage();
    gateway = await startTestGateway(binaries, {}, undefined, passage);
  });
  afterAll(async () => {
    await gateway.close();
    await passage.close();
  });

  async function currentUser(): Promise<unknown> {
    const client = clientOf(gateway, signToken({ sub: 'alice', exp: inSeconds(100) }, gateway.privateKey));
    await client.connect();
    const { rows } = await client.query<{ current_user: string }>('select current_user');
    await client.end();
    return rows[0]?.current_user;
  }

  it('have a connection waiting for them, and one of their own when it was lost unseen', async () => {
    expect([await currentUser(), await currentUser()]).toEqual(['alice', 'alice']);
    await passage.untilOneWaits();
    passage.cutTheNext();
    expect(await currentUser()).toBe('alice');
    expect(gateway.log.join('')).not.toContain('upstream_unavailable');
  });

  it.each(['57P03', '53300'])(
    'have one of their own when that one came too early or was too many (%s)',
    async (sqlState) => {
      const tooEarly = errorResponse({ severity: 'FATAL', sqlState, message: 'not now' });
      const met = Promise.withResolvers<undefined>();
      expect(await currentUser()).toBe('alice');
      // The next login makes the next spare connection before it connects itself, if it has to.
      passage.nextMeets((socket) => {
        met.resolve(undefined);
        socket.once('data', () => socket.end(tooEarly));
      });
      expect(await currentUser()).toBe('alice');
      await met.promise;
      expect(await currentUser()).toBe('alice');
      expect(gateway.log.join('')).not.toContain('upstream_unavailable');
    },
  );
});
