import { randomBytes } from 'node:crypto';
import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuthorizationServer } from '../authorization-server.js';
import { endpoints } from '../endpoints.js';
import { OktaApiError } from '../okta-api-error.js';
import {
  AuthorizeRequests,
  RefusedRequestError,
  UntrustedRequestError,
} from '../sign-in/authorize-request.js';
import type { ReturnAddress } from '../sign-in/authorize-request.js';
import { formPostPage, messagePage, signInPage } from '../sign-in/pages.js';
import { SignIns } from '../sign-in/sign-ins.js';
import { AuthorizationServerPipe, serverPaths } from './authorization-server.pipe.js';
import { redirect, sendPage } from './html-reply.js';
import { OAuth } from './oauth-request.js';
import type { OAuthRequest } from './oauth-request.js';

const cookieName = 'issuer-sign-in';
const wrongCredentials = 'Unable to sign in: the username or the password is wrong.';

/** RFC 6749 section 3.1 and the page that it needs. Plain HTML: no script runs. */
@Controller(serverPaths)
export class AuthorizeController {
  readonly #requests: AuthorizeRequests;
  readonly #signIns: SignIns;

  constructor(@Inject(AuthorizeRequests) requests: AuthorizeRequests, @Inject(SignIns) signIns: SignIns) {
    this.#requests = requests;
    this.#signIns = signIns;
  }

  @Get(endpoints.authorize.path)
  get(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @OAuth() request: OAuthRequest,
    @Req() raw: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#authorize(server, request, raw, reply);
  }

  @Post(endpoints.authorize.path)
  post(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @OAuth() request: OAuthRequest,
    @Req() raw: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.#authorize(server, request, raw, reply);
  }

  @Post(endpoints.signIn.path)
  async signIn(
    @Param('serverId', AuthorizationServerPipe) server: AuthorizationServer,
    @OAuth() { parameters, source }: OAuthRequest,
    @Req() raw: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await told(reply, async () => {
      const [request, login] = [parameters.get('request') ?? '', parameters.get('username') ?? ''];
      const attempt = { request, login, password: parameters.get('password') ?? '', source };
      const outcome = await this.#signIns.attempt(server, { ...attempt, binding: bindingOf(raw) });
      if (outcome.ok) giveBack(reply, outcome.returnTo, { code: outcome.code });
      else
        sendPage(
          reply,
          401,
          signInPage({ ...outcome, action: actionAt(server), request, login, problem: wrongCredentials }),
        );
    });
  }

  async #authorize(
    server: AuthorizationServer,
    { parameters }: OAuthRequest,
    raw: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    await told(reply, async () => {
      const request = await this.#requests.read(server, parameters);
      const binding = bindingOf(raw) ?? randomBytes(32).toString('base64url');
      void reply.header('set-cookie', cookieOf(server, binding));
      const { client, scopes, returnTo, loginHint = '' } = request;
      sendPage(
        reply,
        200,
        signInPage({
          action: actionAt(server),
          clientName: client.name,
          scopes,
          request: this.#signIns.wait(server, request, binding),
          login: loginHint,
          redirectUri: returnTo.redirectUri,
        }),
      );
    });
  }
}

/** Refusals that belong to the client go to the client, the others to the person. */
async function told(reply: FastifyReply, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof UntrustedRequestError)
      sendPage(reply, 400, messagePage('This sign-in cannot go on', error.message));
    else if (error instanceof RefusedRequestError) {
      const { code, message } = error.refusal;
      giveBack(reply, error.returnTo, { error: code, error_description: message });
    } else if (error instanceof OktaApiError && error.status === 429) {
      void reply.headers(error.headers);
      sendPage(reply, 429, messagePage('Too many attempts', 'Wait a minute, then go back and try again.'));
    } else throw error;
  }
}

/** Answers the client at its redirect URI, with `state` and `iss` (RFC 9207). */
function giveBack(reply: FastifyReply, to: ReturnAddress, answer: Readonly<Record<string, string>>): void {
  const members = { ...answer, ...(to.state !== undefined && { state: to.state }), iss: to.issuer };
  if (to.responseMode === 'form_post') {
    sendPage(reply, 200, formPostPage(to.redirectUri, members));
    return;
  }
  redirect(reply, 303, to.redirectUri, members);
}

function actionAt({ endpointBase }: AuthorizationServer): string {
  return `${new URL(endpointBase).pathname}/${endpoints.signIn.path}`;
}

/** Lax: the form is posted from this issuer's own page; the cookie is of no use elsewhere. */
function cookieOf({ endpointBase }: AuthorizationServer, binding: string): string {
  const { protocol, pathname } = new URL(endpointBase);
  const secure = protocol === 'https:' ? '; Secure' : '';
  return `${cookieName}=${binding}; Path=${pathname}; Max-Age=3600; HttpOnly; SameSite=Lax${secure}`;
}

function bindingOf({ headers }: FastifyRequest): string | undefined {
  const cookies = (headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
  const value = cookies.find((cookie) => cookie.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
  return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
}
