import { LoginRefused } from './login-refusal.js';
import type { FailureWords } from './login-refusal.js';
import type { ClientInbox } from './client-inbox.js';
import {
  authenticationCleartextPassword,
  authenticationSasl,
  authenticationSaslContinue,
} from './wire/backend-messages.js';
import {
  bearerTokenOf,
  isFailureAcknowledgement,
  maxPasswordBodyLength,
  maxSaslBodyLength,
  passwordOf,
  readFrontendMessage,
  saslInitialResponseOf,
} from './wire/frontend-messages.js';
import { ProtocolViolation } from './wire/protocol-violation.js';

/** How the token comes; a choice of the listener, as a server offers one method. */
export interface TokenMethod {
  /**
   * Asks for the token. An empty text is no token.
   *
   * @throws ProtocolViolation, ClientGone, LoginCutOff; LoginRefused when the client is to be told nothing more
   */
  ask(write: (bytes: Buffer) => void, inbox: ClientInbox): Promise<string>;
  /** What has to be said before the refusal of a token that was sent. */
  refused(write: (bytes: Buffer) => void, inbox: ClientInbox): Promise<void>;
  readonly failure: FailureWords;
}

/** AuthenticationCleartextPassword (PostgreSQL documentation, section 55.2.1): every driver has it. */
export const asPassword: TokenMethod = {
  ask: async (write, inbox) => {
    write(authenticationCleartextPassword());
    return passwordOf(await responseBody(inbox, maxPasswordBodyLength));
  },
  refused: () => Promise.resolve(),
  failure: { sqlState: '28P01', text: 'password authentication failed' },
};

const mechanism = 'OAUTHBEARER';

/**
 * OAUTHBEARER (RFC 7628), as libpq 18 and pgx have it.
 *
 * @param issuer where clients are sent to that have no token; its metadata is below `/.well-known/`
 */
export function asOauthBearer(issuer: string): TokenMethod {
  const status = JSON.stringify({
    status: 'invalid_token',
    'openid-configuration': `${issuer}/.well-known/openid-configuration`,
    // Every server of Okta grants it; what a policy asks for beyond it, the client's own configuration names.
    scope: 'openid',
  });
  const refused: TokenMethod['refused'] = async (write, inbox) => {
    write(authenticationSaslContinue(Buffer.from(status)));
    const acknowledged = isFailureAcknowledgement(await responseBody(inbox, maxSaslBodyLength));
    if (!acknowledged) throw new ProtocolViolation('OAUTHBEARER: expected the one byte that ends a failure');
  };
  return {
    ask: async (write, inbox) => {
      write(authenticationSasl([mechanism]));
      const response = saslInitialResponseOf(await responseBody(inbox, maxSaslBodyLength));
      if (response.mechanism !== mechanism)
        throw new ProtocolViolation('client selected an invalid SASL authentication mechanism');
      if (response.data === undefined) throw new ProtocolViolation('OAUTHBEARER without an initial response');
      return bearerTokenOf(response.data) ?? '';
    },
    refused,
    failure: { sqlState: '28000', text: 'OAuth bearer authentication failed' },
  };
}

async function responseBody(inbox: ClientInbox, maxBodyLength: number): Promise<Buffer> {
  const message = await inbox.next((received) => readFrontendMessage(received, maxBodyLength));
  if (message.type === 'X') throw new LoginRefused('gone', 'the client took its leave', undefined);
  if (message.type === 'p') return message.body;
  throw new ProtocolViolation(`expected password response, got message type "${printable(message.type)}"`);
}

function printable(type: string): string {
  return /^[!-~]$/.test(type) ? type : '?';
}
