import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { ClientGone, ClientInbox, LoginCutOff } from './client-inbox.js';
import { LoginRefused } from './login-refusal.js';
import { readInitialPacket } from './wire/initial-packet.js';
import type { InitialPacket } from './wire/initial-packet.js';
import { ProtocolViolation } from './wire/protocol-violation.js';
import type { StartupMessage } from './wire/startup-message.js';

/** What a client wants, once it is known. */
export type Arrival =
  | { readonly kind: 'cancel'; readonly processId: number; readonly secret: Buffer }
  | {
      readonly kind: 'startup';
      readonly startup: StartupMessage;
      readonly isEncrypted: boolean;
      readonly socket: Socket;
      /** Open; whoever goes on reads from it. */
      readonly inbox: ClientInbox;
    };

/** The connection as it is now: replies go to its socket. */
export interface Channel {
  socket: Socket;
  isEncrypted: boolean;
}

/** A ClientHello instead of a packet (PostgreSQL documentation, section 55.2.10: sslnegotiation=direct). */
interface DirectTls {
  readonly length: 0;
  readonly request: { readonly kind: 'tls' };
}

const tlsHandshake = 0x16;
const alpn = 'postgresql';

/**
 * Follows a client through encryption up to the packet that says what it wants.
 *
 * @param channel has the encrypted socket as soon as there is one
 * @param secureContext certificate and key in force; undefined where TLS is not offered
 * @throws ProtocolViolation, ClientGone, LoginCutOff, LoginRefused when TLS can't be agreed upon
 * @see PostgreSQL documentation, sections 55.2.1, 55.2.10 and 55.2.11
 */
export async function readArrival(
  channel: Channel,
  secureContext: () => SecureContext | undefined,
  signal: AbortSignal,
): Promise<Arrival> {
  let mayAskForGss = true;
  let mayAskForTls = true;
  for (;;) {
    const inbox = new ClientInbox(channel.socket, signal);
    const { request } = await inbox.next(channel.isEncrypted ? readInitialPacket : readFirstPacket);
    if (request.kind === 'startup') return { ...request, ...channel, inbox };
    const rest = inbox.detach();
    if (request.kind === 'cancel') return request;
    const context = secureContext();
    if (channel.isEncrypted)
      throw new ProtocolViolation('a request for encryption on an encrypted connection');
    if (request.kind === 'gssenc') {
      if (!mayAskForGss) throw new ProtocolViolation('a second request for GSSAPI encryption');
      mayAskForGss = false;
      channel.socket.write('N');
    } else if (context === undefined) {
      if (request.kind === 'tls') throw new ProtocolViolation('TLS is not offered here');
      if (!mayAskForTls) throw new ProtocolViolation('a second request for TLS');
      mayAskForTls = false;
      channel.socket.write('N');
    } else {
      if (request.kind === 'tls') channel.socket.unshift(rest);
      else channel.socket.write('S');
      await encrypt(channel, context, signal, request.kind === 'tls');
    }
  }
}

function readFirstPacket(received: Buffer): InitialPacket | DirectTls | undefined {
  return received[0] === tlsHandshake ? { length: 0, request: { kind: 'tls' } } : readInitialPacket(received);
}

/** @param needsAlpn whoever starts with TLS has to say that it means PostgreSQL (CVE-2021-3618) */
async function encrypt(
  channel: Channel,
  secureContext: SecureContext,
  signal: AbortSignal,
  needsAlpn: boolean,
): Promise<void> {
  const secured = new TLSSocket(channel.socket, {
    isServer: true,
    secureContext,
    ALPNProtocols: [alpn],
  });
  secured.on('error', () => undefined);
  // Behind the handshake Node leaves errors of TLS to the tls.Server that accepted the socket, and here there is none.
  secured.on('_tlsError', () => secured.destroy());
  // Plain text would only confuse who expects TLS: a failed handshake has no other answer than the end.
  channel.socket = secured;
  channel.isEncrypted = true;
  await established(secured, signal);
  if (needsAlpn && secured.alpnProtocol !== alpn) throw new ProtocolViolation('direct TLS without ALPN');
}

function established(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => (): void => {
      socket.off('secure', onSecure).off('end', onGone).off('close', onGone).off('_tlsError', onFailure);
      signal.removeEventListener('abort', onAbort);
      end();
    };
    const onSecure = settle(resolve);
    const onGone = settle(() => {
      reject(new ClientGone('the client has gone in the TLS handshake'));
    });
    const onAbort = settle(() => {
      reject(new LoginCutOff('the TLS handshake was cut off', { cause: signal.reason }));
    });
    // Such as a client that does not believe the certificate. It has been told by an alert, if at all.
    const onFailure = (error: Error & { readonly reason?: string }): void => {
      settle(() => {
        const { reason = error.message } = error;
        reject(new LoginRefused('malformed', `TLS with the client failed: ${reason}`, undefined));
      })();
    };
    socket.on('secure', onSecure).on('end', onGone).on('close', onGone).on('_tlsError', onFailure);
    signal.addEventListener('abort', onAbort);
  });
}
