import { once } from 'node:events';
import type { Socket } from 'node:net';
import pg from 'pg';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { int32, typedMessage } from '../../src/gateway/wire/message-writer.js';
import { describeWithPostgres } from '../support/postgres.js';
import { describeWithVectors, readJsonFile } from '../support/vectors.js';
import { clientOf, inSeconds, signToken, startTestGateway } from './support/gateway.js';
import type { TestGateway } from './support/gateway.js';
import { startPassage } from './support/passage.js';
import type { Passage } from './support/passage.js';
import {
  authentication,
  cleartext,
  errorResponse,
  ok,
  sasl,
  saslContinue,
  saslFinal,
  script,
} from './upstream/support/backend-script.js';
import { ScramServer } from './upstream/support/scram-server.js';
import { greeting, says } from './upstream/support/scripted-login.js';

const upstreamPassword = 'known to the gateway alone';

/** The answer to SSLRequest, and nothing more. */
const answersSslRequest =
  (answer: Buffer | string) =>
  (socket: Socket): void => {
    socket.once('data', () => socket.write(answer));
  };

const scram = new ScramServer(upstreamPassword);

/** What the server does while somebody logs in, and what the client is told then. */
interface HostileLogin {
  readonly serve?: (socket: Socket) => unknown;
  readonly sslMode?: 'disable' | 'verify-full';
  readonly sqlState: string;
}

const hostileLogins: Readonly<Record<string, HostileLogin>> = {
  // Nobody listens.
  refused: { sqlState: '08006' },
  'accept-then-silent': { serve: (socket) => socket.resume(), sqlState: '08006' },
  'ssl-N-when-verify-full': { sslMode: 'verify-full', serve: answersSslRequest('N'), sqlState: '08001' },
  'ssl-S-plus-bytes': {
    sslMode: 'verify-full',
    serve: answersSslRequest(Buffer.concat([Buffer.from('S'), ok])),
    sqlState: '08P01',
  },
  'scram-nonce-not-prefixed': {
    serve: script(says(sasl), says(saslContinue('r=other,s=c2FsdA==,i=4096')), says(greeting)),
    sqlState: '08P01',
  },
  'scram-bad-server-signature': {
    serve: script(
      says(sasl),
      (body) => saslContinue(scram.serverFirst(body)),
      says(Buffer.concat([saslFinal('v=AAAA'), greeting])),
    ),
    sqlState: '08P01',
  },
  // The password in clear, where nothing is encrypted; and md5 in the middle of SCRAM.
  'auth-md5/cleartext-downgrade': {
    serve: script(says(cleartext), says(greeting)),
    sqlState: '08001',
  },
  'md5 in the middle of SCRAM': {
    serve: script(says(sasl), says(authentication(5, 'salt')), says(greeting)),
    sqlState: '08P01',
  },
};

describeWithVectors('hostile servers behind a gateway', 'hostile/pg-backend.json', (file) => {
  const { cases } = readJsonFile(file) as { cases: { id: string }[] };
  const inSessions = ['frame-len-intmax', 'reset-mid-result', 'failover-57P01'];

  it('are all played here', () => {
    const played = [...Object.keys(hostileLogins), ...inSessions];
    expect(cases.map(({ id }) => id).filter((id) => !played.includes(id))).toEqual([]);
  });

  describeWithPostgres('beside PostgreSQL', (binaries) => {
    const worlds = new Map<string, World>();
    beforeAll(async () => {
      for (const sslMode of ['disable', 'verify-full'])
        worlds.set(sslMode, await startWorld(binaries, sslMode));
    });
    afterAll(async () => {
      for (const { gateway, passage } of worlds.values()) {
        await gateway.close();
        await passage.close();
      }
    });

    function worldOf(sslMode: string): World {
      const world = worlds.get(sslMode);
      if (world === undefined) throw new Error(`no gateway with ${sslMode}`);
      return world;
    }

    it.each(Object.entries(hostileLogins))(
      '%s: the login is refused, nothing secret is sent, and the next one succeeds (20)',
      async (_, { serve, sslMode = 'disable', sqlState }) => {
        const { gateway, passage } = worldOf(sslMode);
        const received: Buffer[] = [];
        if (serve === undefined) await passage.close();
        else
          passage.nextMeets((socket) => {
            socket.on('data', (chunk: Buffer) => received.push(chunk));
            serve(socket);
          });
        await expect(connect(gateway)).rejects.toMatchObject({ severity: 'FATAL', code: sqlState });
        expect(Buffer.concat(received).includes(upstreamPassword)).toBe(false);
        if (serve === undefined) await passage.open();
        expect(await currentUser(gateway)).toBe('alice');
      },
    );

    /** A session at a server that answers the first query with this. */
    async function sessionMeeting(answer: (socket: Socket) => unknown): Promise<pg.Client> {
      const { gateway, passage } = worldOf('disable');
      passage.nextMeets((socket) => {
        script(
          () => greeting,
          () => {
            answer(socket);
            return undefined;
          },
        )(socket);
      });
      return connect(gateway);
    }

    it('frame-len-intmax: a message of two gibibytes is passed on as it comes', async () => {
      const client = await sessionMeeting((socket) => {
        const head = Buffer.from('T\x7f\xff\xff\xff', 'latin1');
        const chunk = Buffer.alloc(2 ** 20);
        Readable.from([head, ...Array.from({ length: megabytes }, () => chunk)]).pipe(socket);
      });
      const before = process.memoryUsage().arrayBuffers;
      let most = 0;
      let bytes = 0;
      // Beneath node-postgres, which would wait for the whole message.
      const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
      stream.removeAllListeners('data').on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      });
      client.on('error', () => undefined);
      client.query('select').catch(() => undefined);
      await once(stream, 'close');
      expect(bytes).toBe(5 + megabytes * 2 ** 20);
      expect(most).toBeLessThan((megabytes / 2) * 2 ** 20);
      expect(await currentUser(worldOf('disable').gateway)).toBe('alice');
    });

    it('reset-mid-result: the client loses the connection as well, and nothing is left of the session', async () => {
      const client = await sessionMeeting((socket) => {
        socket.write(Buffer.concat([rowDescription, ...Array.from({ length: 10 }, () => dataRow)]), () =>
          socket.resetAndDestroy(),
        );
      });
      const rows: unknown[] = [];
      const query = client.query(new pg.Query('select'));
      query.on('row', (row) => rows.push(row));
      client.on('error', () => undefined);
      await expect(once(query, 'end')).rejects.toBeInstanceOf(Error);
      expect(rows.length).toBeLessThanOrEqual(10);
      const { gateway } = worldOf('disable');
      await vi.waitFor(() => {
        expect(gateway.gateway.sessions.size).toBe(0);
      });
      expect(await currentUser(gateway)).toBe('alice');
    });

    it('failover-57P01: the words of the server are passed on as they are', async () => {
      const text = 'terminating connection due to unexpected failover';
      const client = await sessionMeeting((socket) => socket.end(errorResponse('57P01', text)));
      client.on('error', () => undefined);
      await expect(client.query('select')).rejects.toMatchObject({
        severity: 'FATAL',
        code: '57P01',
        message: text,
      });
      expect(await currentUser(worldOf('disable').gateway)).toBe('alice');
    });
  });
});

const megabytes = 256;
const rowDescription = typedMessage('T', int16(1), Buffer.from('n\0'), Buffer.alloc(18));
const dataRow = typedMessage('D', int16(1), int32(1), Buffer.from('1'));

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

interface World {
  readonly gateway: TestGateway;
  readonly passage: Passage;
}

async function startWorld(binaries: string, sslMode: string): Promise<World> {
  const passage = await startPassage();
  // By this clock logins are far apart, and each makes a connection of its own.
  let now = Date.now();
  const gateway = await startTestGateway(
    binaries,
    {
      UPSTREAM__SSLMODE: sslMode,
      UPSTREAM__PASSWORD: upstreamPassword,
      GATEWAY_LOGIN_TIMEOUT_MS: '1000',
      GATEWAY_MAX_SESSION: 'none',
    },
    () => (now += 10_000),
    passage,
  );
  return { gateway, passage };
}

async function connect(gateway: TestGateway): Promise<pg.Client> {
  const token = signToken({ sub: 'alice', exp: inSeconds(86_400) }, gateway.privateKey);
  const client = clientOf(gateway, token);
  await client.connect();
  return client;
}

async function currentUser(gateway: TestGateway): Promise<unknown> {
  const client = await connect(gateway);
  const { rows } = await client.query<{ current_user: string }>('select current_user');
  await client.end();
  return rows[0]?.current_user;
}
