import { once } from 'node:events';
import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { expect, it } from 'vitest';
import { Session } from '../../src/gateway/session.js';
import { queryMessage } from './support/raw-client.js';

const readyForQuery = Buffer.from('5a0000000549', 'hex');

it('a busy session that expires is cancelled once', async () => {
  const [client, clientSide] = duplexPair();
  const [server, serverSide] = duplexPair();
  let cancels = 0;
  const session = new Session({
    // Nothing of a socket is used here but what every stream has.
    client: clientSide as unknown as Socket,
    server: serverSide as unknown as Socket,
    opening: readyForQuery,
    ahead: Buffer.alloc(0),
    cancelBackend: () => cancels++,
  });
  client.write(queryMessage('select 1'));
  await once(server, 'data');
  session.end('expired');
  client.resume();
  await once(client, 'end');
  client.end();
  clientSide.destroy();
  expect(await session.ended).toBe('expired');
  expect(cancels).toBe(1);
});
