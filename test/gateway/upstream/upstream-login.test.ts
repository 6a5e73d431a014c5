import { getEventListeners, once } from 'node:events';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { UpstreamTls } from '../../../src/gateway/upstream/upstream-tls.js';
import { typedMessage } from '../../../src/gateway/wire/message-writer.js';
import { frozenClock } from '../../support/tokens.js';
import {
  errorResponse,
  md5,
  noticeResponse,
  ok,
  readyForQuery,
  sasl,
  saslContinue,
  script,
} from './support/backend-script.js';
import type { Step } from './support/backend-script.js';
import { makeAuthority } from './support/certificates.js';
import { failure } from './support/failure.js';
import { ScramServer } from './support/scram-server.js';
import { greeting, greetingParts, logInTo, says, scramSteps } from './support/scripted-login.js';
import { acceptTls, serverContext } from './support/scripted-server.js';

const requireTls = (): UpstreamTls => new UpstreamTls('localhost', { sslMode: 'require' }, frozenClock().now);

function localhostContext(): SecureContext {
  const authority = makeAuthority();
  const certified = authority.certify('DNS:localhost');
  authority.close();
  return serverContext(certified);
}

describe('a login at the upstream', () => {
  it('ends with the key apart, and the greeting as it came', async () => {
    const { session } = await logInTo(script(says(greeting)));
    expect(await session).toEqual({
      backendKey: { processId: 4711, secret: Buffer.from('key!') },
      greeting: Buffer.concat(greetingParts),
      rest: Buffer.alloc(0),
    });
  });

  it('may end without a key', async () => {
    const { session } = await logInTo(script(says(Buffer.concat([ok, readyForQuery]))));
    expect(await session).toMatchObject({ backendKey: undefined, greeting: readyForQuery });
  });

  it('loses nothing of what comes behind it', async () => {
    const { session, socket } = await logInTo((peer) => {
      script(says(Buffer.concat([greeting, Buffer.from('at once ')])))(peer);
      peer.once('data', () => peer.end('and later'));
    });
    let text = (await session).rest.toString();
    expect(socket.isPaused()).toBe(true);
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(socket.resume(), 'end');
    expect(text).toBe('at once and later');
  });

  it('leaves no listeners behind', async () => {
    const { session, socket, signal } = await logInTo(script(...scramSteps()));
    await session;
    expect(['data', 'end'].map((event) => socket.listenerCount(event))).toEqual([0, 1]);
    expect(socket.listenerCount('error')).toBe(1);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('that can not even be asked for leaves no connection behind', async () => {
    const { session, socket } = await logInTo(script(says(greeting)), { user: 'ali\0ce' });
    await expect(session).rejects.toBeInstanceOf(RangeError);
    expect(socket.destroyed).toBe(true);
  });

  it('may come byte by byte', async () => {
    const bytewise = (peer: Socket): void => {
      peer.setNoDelay(true);
      const write = peer.write.bind(peer);
      peer.write = (chunk: string | Uint8Array): boolean => {
        const send = (left: Buffer): void => {
          if (left.length > 0) write(left.subarray(0, 1), () => setImmediate(send, left.subarray(1)));
        };
        send(Buffer.from(chunk as Uint8Array));
        return true;
      };
      script(...scramSteps())(peer);
    };
    const { session } = await logInTo(bytewise);
    expect((await session).greeting).toEqual(Buffer.concat(greetingParts));
  });
});

it('a message of the upstream may span several TLS records', async () => {
  const secureContext = localhostContext();
  const notice = typedMessage('N', Buffer.from(`SLOG\0M${'x'.repeat(60_000)}\0\0`));
  const serve = async (socket: Socket): Promise<void> => {
    script(says(Buffer.concat([ok, notice, readyForQuery])))(await acceptTls(socket, secureContext));
  };
  const { session } = await logInTo(serve, { tls: requireTls() });
  expect((await session).greeting).toEqual(Buffer.concat([notice, readyForQuery]));
});

it('an upstream that floods the login is made to wait while the keys are derived', async () => {
  const flood = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.alloc(65_536, noticeResponse)));
  const server = new ScramServer('any', 300_000);
  const flooding: Step = (body) => Buffer.concat([saslContinue(server.serverFirst(body)), flood]);
  const { session, socket } = await logInTo(script(says(sasl), flooding));
  await expect(session).rejects.toEqual(failure('protocol', '08P01', 'another message'));
  expect(socket.bytesRead).toBeLessThan(2_000_000);
});

describe('an ErrorResponse (21)', () => {
  it('before AuthenticationOk is for the log alone', async () => {
    const response = errorResponse('28P01', 'password authentication failed\n\x1b[31m');
    const { session } = await logInTo(script(says(md5), says(response)));
    const refused = failure('refused', '08006', '28P01 password authentication failed  [31m;');
    await expect(session).rejects.toEqual(refused);
    await expect(session).rejects.toMatchObject({ response: undefined });
  });

  it.each(['53300', '57P03'])('before AuthenticationOk keeps its SQLSTATE %s: try later', async (code) => {
    const { session } = await logInTo(script(says(errorResponse(code, 'later'))));
    await expect(session).rejects.toEqual(failure('refused', code));
  });

  it('behind AuthenticationOk is handed over byte for byte', async () => {
    const response = errorResponse('3D000', 'database "d" does not exist');
    const [begin, first, final] = scramSteps();
    const failing: Step = (body) => {
      const answer = final(body) as Buffer;
      return Buffer.concat([
        answer.subarray(0, answer.length - greeting.length),
        ok,
        noticeResponse,
        response,
      ]);
    };
    const { session } = await logInTo(script(begin, first, failing));
    await expect(session).rejects.toEqual(failure('relayed', '3D000'));
    await expect(session).rejects.toMatchObject({ response });
  });

  it('without a proper SQLSTATE is handed over under one', async () => {
    const response = errorResponse('nonsense', 'x');
    const { session } = await logInTo(script(says(Buffer.concat([ok, response]))));
    await expect(session).rejects.toEqual(failure('relayed', '08006'));
  });

  it('that comes with the end of the connection is read all the same', async () => {
    const { session } = await logInTo((peer) => {
      peer.once('data', () => peer.end(errorResponse('57P03', 'starting up')));
    });
    await expect(session).rejects.toEqual(failure('refused', '57P03'));
  });
});

describe('a login (6)', () => {
  const [begin, first] = scramSteps();

  it.each<{ note: string; steps: readonly Step[] }>([
    { note: 'at the beginning', steps: [] },
    { note: 'in SCRAM', steps: [begin, first] },
    { note: 'in a message', steps: [says(ok.subarray(0, 7))] },
    { note: 'behind AuthenticationOk', steps: [says(ok)] },
  ])('is given up at the deadline with a server that falls silent $note', async ({ steps }) => {
    const { session, server } = await logInTo(script(...steps), { deadlineMs: 150 });
    await expect(session).rejects.toEqual(failure('timeout', '08006'));
    await server.idle();
  });

  it.each<{ note: string; step: Step }>([
    { note: 'at the beginning', step: () => undefined },
    { note: 'in a message', step: says(ok.subarray(0, 7)) },
    { note: 'behind AuthenticationOk', step: says(ok) },
  ])('is 08006 when the server closes $note', async ({ step }) => {
    const { session } = await logInTo((peer) => {
      peer.once('data', (chunk: Buffer) => peer.end(step(chunk) ?? ''));
    });
    await expect(session).rejects.toEqual(failure('unreachable', '08006'));
  });

  it('is 08006 when the server resets the connection', async () => {
    const { session } = await logInTo((peer) => peer.once('data', () => peer.resetAndDestroy()));
    await expect(session).rejects.toEqual(failure('unreachable', '08006', 'ECONNRESET'));
  });
});
