import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../base/clock.js';
import type { AttemptLimiter } from '../abuse/attempt-limiter.js';
import type { AuthorizationServer } from '../authorization-server.js';
import type { Clients } from '../clients/clients.js';
import type { AuthorizationCodes } from '../tokens/authorization-codes.js';
import type { User, Users } from '../users/users.js';
import { UntrustedRequestError, responseModes } from './authorize-request.js';
import type { AuthorizeRequest, ReturnAddress } from './authorize-request.js';
import type { SealedValues } from './sealed-value.js';

/** A request that waits for a person to sign in, as it travels through the browser. */
const waitingRequest = z.strictObject({
  serverId: z.string(),
  clientId: z.string(),
  /** Of the cookie that the page came with: the form must come from the same browser. */
  binding: z.string(),
  /** Milliseconds since the epoch. */
  expiresAt: z.number(),
  scopes: z.array(z.string()),
  nonce: z.string().nullable(),
  codeChallenge: z.string().nullable(),
  redirectUri: z.string(),
  responseMode: z.enum(responseModes),
  state: z.string().nullable(),
});
type WaitingRequest = z.infer<typeof waitingRequest>;

export interface SignInAttempt {
  /** The sealed request of the form. */
  readonly request: string;
  /** Of the browser's cookie. */
  readonly binding: string | undefined;
  readonly login: string;
  readonly password: string;
  /** Where it comes from, as failed attempts are counted. */
  readonly source: string;
}

/** What became of an attempt: a code for the client, or the form again. */
export type SignInOutcome =
  | { readonly ok: true; readonly code: string; readonly returnTo: ReturnAddress }
  | {
      readonly ok: false;
      readonly clientName: string;
      readonly scopes: readonly string[];
      readonly redirectUri: string;
    };

export interface SignInsParts {
  readonly sealed: SealedValues;
  readonly clients: Clients;
  readonly users: Users;
  readonly codes: AuthorizationCodes;
  readonly limiter: AttemptLimiter;
  readonly clock: Clock;
}

/** How long a person may take. */
const waitMs = 10 * 60_000;

/** Between the page and the code. There are no sessions: each request asks for the password. */
export class SignIns {
  readonly #parts: SignInsParts;

  constructor(parts: SignInsParts) {
    this.#parts = parts;
  }

  /** The request, sealed for the form. */
  wait(server: AuthorizationServer, request: AuthorizeRequest, binding: string): string {
    const { client, returnTo, scopes, nonce = null, codeChallenge = null } = request;
    const { redirectUri, responseMode, state = null } = returnTo;
    const waiting: WaitingRequest = {
      serverId: server.id,
      clientId: client.id,
      binding,
      expiresAt: this.#parts.clock() + waitMs,
      scopes: [...scopes],
      nonce,
      codeChallenge,
      redirectUri,
      responseMode,
      state,
    };
    return this.#parts.sealed.seal(waiting);
  }

  /**
   * @throws UntrustedRequestError when the form is not one that waits for this browser; OktaApiError 429; BusyError
   */
  async attempt(server: AuthorizationServer, attempt: SignInAttempt): Promise<SignInOutcome> {
    const waiting = this.#waiting(server, attempt);
    const { clients, codes, clock } = this.#parts;
    const client = await clients.find(waiting.clientId);
    if (!client?.redirectUris.includes(waiting.redirectUri))
      throw new UntrustedRequestError('The client that asked for the sign-in is not there any more.');
    const { scopes, redirectUri, nonce, codeChallenge, responseMode, state } = waiting;
    const user = await this.#authenticate(attempt);
    if (user === undefined) return { ok: false, clientName: client.name, scopes, redirectUri };
    const code = await codes.issue({
      clientId: client.id,
      serverId: server.id,
      userId: user.id,
      redirectUri,
      scopes,
      nonce,
      codeChallenge,
      authTime: Math.floor(clock() / 1000),
    });
    const returnTo = { issuer: server.issuer, redirectUri, responseMode, state: state ?? undefined };
    return { ok: true, code, returnTo };
  }

  #waiting(server: AuthorizationServer, { request, binding }: SignInAttempt): WaitingRequest {
    const parsed = waitingRequest.safeParse(this.#parts.sealed.unseal(request));
    if (!parsed.success || parsed.data.serverId !== server.id || !isSame(parsed.data.binding, binding))
      throw new UntrustedRequestError(
        'The sign-in was not started in this browser. Start again at the application.',
      );
    if (parsed.data.expiresAt <= this.#parts.clock())
      throw new UntrustedRequestError('The sign-in took too long. Start again at the application.');
    return parsed.data;
  }

  async #authenticate({ login, password, source }: SignInAttempt): Promise<User | undefined> {
    const { users, limiter } = this.#parts;
    limiter.check(login, source);
    const user = await users.authenticate(login, password);
    if (user === undefined) limiter.failed(login, source);
    else limiter.succeeded(login, source);
    return user;
  }
}

function isSame(expected: string, given: string | undefined): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given ?? '')];
  return a.length === b.length && timingSafeEqual(a, b);
}
