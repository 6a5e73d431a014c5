import type { VerifiedToken } from '../token/principal.js';

/** What the policy is told of an HTTP request. */
export interface HttpInputRequest {
  readonly method: string;
  /** Canonical path that the router dispatched: `/orders/7`. */
  readonly api: string;
  /** Template of the route: `/orders/:id`. */
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
  /** The token as it was sent, for `input.jwt`. Secret: never logged. */
  readonly tokenValue: string;
}

/**
 * The most characters of policy input that an engine accepts; longer ones end as `unavailable`. Both engines share
 * the bound, so that they decide alike. A request whose header fits Node's limit stays far below it.
 */
export const maxInputLength = 256 * 1024;

/**
 * The policy input of an HTTP request, as JSON text: `method`, `api`, `jwt.tokenValue`, `route`, `params`,
 * `principal`, in this order.
 *
 * The text is well-formed Unicode (no lone surrogates): OPA over HTTP would replace them and its WASM stumble over
 * them.
 */
export function serializeHttpInput(request: HttpInputRequest, token: VerifiedToken): string {
  const { sub, cid, uid, scopes, claims, validation } = token.principal;
  const before = `{"method":${json(request.method)},"api":${json(request.api)},"jwt":{"tokenValue":${json(request.tokenValue)}}`;
  const between = `,"route":${json(request.route)},"params":${paramsJson(request.params)},"principal":`;
  return `${before}${between}${json({ sub, cid, uid, scopes, claims, validation })}}`;
}

/** What the policy is told of a client that wants a database session. */
export interface ConnectInputRequest {
  /** The role that was asked for. */
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  /** Settings asked for in the startup message, names in lower case. */
  readonly options: Readonly<Record<string, string>>;
  readonly client: { readonly address: string; readonly tls: boolean };
  /** The token as it was sent, for `input.jwt`. Secret: never logged. */
  readonly tokenValue: string;
}

/** The policy input of a login to a database, as JSON text, with `action` `connect`. */
export function serializeConnectInput(request: ConnectInputRequest, token: VerifiedToken): string {
  const { tokenValue, ...rest } = request;
  const { sub, cid, uid, scopes, claims, validation } = token.principal;
  const principal = { sub, cid, uid, scopes, claims, validation };
  return json({ action: 'connect', ...rest, jwt: { tokenValue }, principal });
}

/** An input that asks for nothing and belongs to nobody: shows whether a decision is defined at a path. */
export const probeInput = serializeHttpInput(
  { method: 'GET', api: '/', route: '/', params: {}, tokenValue: '' },
  {
    principal: { sub: '', cid: null, uid: null, scopes: [], claims: {}, validation: 'local' },
    tokenHash: '',
    jti: null,
    expiresAt: 0,
  },
);

/** The parameters of the route as JSON text. */
export function paramsJson(params: Readonly<Record<string, string>>): string {
  // Most routes have none; looking is cheaper than serializing.
  for (const name in params) if (Object.hasOwn(params, name)) return json(params);
  return '{}';
}

function json(value: string | object): string {
  const text = JSON.stringify(value);
  // JSON.stringify escapes surrogates only where they are alone.
  return text.includes('\\ud') ? text.replace(loneSurrogates, replacement) : text;
}

/** Also matches escaped backslashes, so that the text `\\ud800` is not mistaken for an escape. */
const loneSurrogates = /\\\\|\\ud[89a-f][\da-f]{2}/g;

function replacement(match: string): string {
  return match === '\\\\' ? match : '\ufffd';
}
