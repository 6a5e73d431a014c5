import { describe, expect, it } from 'vitest';
import { typedMessage } from '../../../src/gateway/wire/message-writer.js';
import {
  authentication,
  cleartext,
  errorResponse,
  md5,
  ok,
  parameterStatus,
  readyForQuery,
  sasl,
  saslContinue,
  saslFinal,
  script,
} from './support/backend-script.js';
import type { Step } from './support/backend-script.js';
import { failure } from './support/failure.js';
import { ScramServer } from './support/scram-server.js';
import { greeting, logInTo, password, says, scramSteps } from './support/scripted-login.js';

describe('an upstream that does not authenticate as it should (20)', () => {
  const scram = scramSteps;
  const [begin, first] = scram();
  const impostor = new ScramServer('another password');

  it.each<{ note: string; steps: readonly Step[]; expected: unknown }>([
    {
      note: 'when its nonce does not continue ours',
      steps: [begin, says(saslContinue('r=other,s=c2FsdA==,i=4096'))],
      expected: failure('protocol', '08P01', 'nonce'),
    },
    {
      note: 'when it does not know the password',
      steps: [
        says(sasl),
        (body) => saslContinue(impostor.serverFirst(body)),
        says(Buffer.concat([saslFinal(`v=${'A'.repeat(43)}=`), greeting])),
      ],
      expected: failure('untrusted', '08001', 'does not know the password'),
    },
    {
      note: 'when its signature is none',
      steps: [begin, first, says(Buffer.concat([saslFinal('v=AAAA'), greeting]))],
      expected: failure('protocol', '08P01'),
    },
    {
      note: 'when it is satisfied in the middle of SCRAM',
      steps: [says(sasl), says(greeting)],
      expected: failure('protocol', '08P01', 'out of turn: ok'),
    },
    {
      note: 'when it is satisfied before it has proved itself',
      steps: [...scram().slice(0, 2), says(greeting)],
      expected: failure('protocol', '08P01', 'out of turn: ok'),
    },
    {
      note: 'when it ends SCRAM before the client has',
      steps: [says(sasl), says(saslFinal(`v=${'A'.repeat(43)}=`))],
      expected: failure('protocol', '08P01', 'out of turn: saslFinal'),
    },
    {
      note: 'when it asks for the password in the middle of SCRAM',
      steps: [...scram().slice(0, 2), says(cleartext)],
      expected: failure('protocol', '08P01', 'out of turn: cleartext'),
    },
    {
      note: 'when it asks for md5 in the middle of SCRAM',
      steps: [says(sasl), says(md5)],
      expected: failure('protocol', '08P01', 'out of turn: md5'),
    },
    {
      note: 'when it begins SCRAM after md5',
      steps: [says(md5), says(sasl)],
      expected: failure('protocol', '08P01', 'out of turn: sasl'),
    },
    {
      note: 'when it asks for md5 again and again',
      steps: [says(md5), says(md5)],
      expected: failure('protocol', '08P01', 'out of turn: md5'),
    },
    {
      note: 'when it goes on with what was not begun',
      steps: [says(saslContinue('r=x'))],
      expected: failure('protocol', '08P01', 'out of turn: saslContinue'),
    },
    {
      note: 'when it asks for more iterations than are bearable',
      steps: [
        says(sasl),
        (body) => saslContinue(new ScramServer('x', 1).serverFirst(body).replace('i=1', 'i=1000001')),
      ],
      expected: failure('untrusted', '08001', '1000001 SCRAM iterations'),
    },
    {
      note: 'when it has only mechanisms that nobody knows',
      steps: [says(authentication(10, 'SCRAM-SHA-256-PLUS\0OAUTHBEARER\0\0'))],
      expected: failure('untrusted', '08001', 'no SCRAM-SHA-256'),
    },
    {
      note: 'when it asks for the password itself, without TLS',
      steps: [says(cleartext)],
      expected: failure('untrusted', '08001', 'no TLS'),
    },
    {
      note: 'when it asks for GSSAPI',
      steps: [says(authentication(7))],
      expected: failure('untrusted', '08001', 'method 7'),
    },
    {
      note: 'when it sends 200 MB',
      steps: [says('R\x0b\xeb\xc2\x00')],
      expected: failure('protocol', '08P01', 'invalid message length'),
    },
    {
      note: 'when it claims the longest message there is',
      steps: [says(Buffer.from('547fffffff', 'hex'))],
      expected: failure('protocol', '08P01', 'invalid message length'),
    },
    {
      note: 'when it greets before it has authenticated',
      steps: [says(readyForQuery)],
      expected: failure('protocol', '08P01', 'another message'),
    },
    {
      note: 'when it speaks HTTP',
      steps: [says('HTTP/1.1 400 Bad Request\r\n\r\n')],
      expected: failure('protocol', '08P01'),
    },
    {
      note: 'when it sends rows in its greeting',
      steps: [says(Buffer.concat([ok, typedMessage('D', Buffer.alloc(2))]))],
      expected: failure('protocol', '08P01', 'does not belong'),
    },
    {
      note: 'when its key is none',
      steps: [says(Buffer.concat([ok, typedMessage('K', Buffer.alloc(4))]))],
      expected: failure('protocol', '08P01', 'BackendKeyData'),
    },
    {
      note: 'when its greeting does not end',
      steps: [says(Buffer.concat([ok, ...Array.from({ length: 5000 }, () => parameterStatus)]))],
      expected: failure('protocol', '08P01', 'greeting'),
    },
  ])('is refused, and the connection closed, $note', async ({ steps, expected }) => {
    const { session, server, socket } = await logInTo(script(...steps));
    await expect(session).rejects.toEqual(expected);
    expect(socket.destroyed).toBe(true);
    await server.idle();
    expect(server.received().includes(password)).toBe(false);
  });

  it('is told of without a secret', async () => {
    const { session } = await logInTo(script(says(md5), says(errorResponse('28P01', 'no'))));
    const error = (await session.catch((thrown: unknown) => thrown)) as Error;
    expect(`${error.message}${String(error.stack)}${JSON.stringify(error)}`).not.toContain(password);
  });
});
