import type { Clock } from '../../base/clock.js';
import { createUndiciUpstream } from '../../base/undici-upstream.js';
import { RemoteKeySet } from '../../token/key-set.js';
import { readIssuerKeys } from './issuer-keys.js';
import type { TrustedIssuer } from './token-authenticator.js';

const timeoutMs = 2_000;
const connections = 4;

/** A trusted issuer whose key set is kept fresh until it is closed. */
export interface OpenedIssuer extends TrustedIssuer {
  close(): Promise<void>;
}

interface TrustOptions {
  readonly audiences: readonly string[];
  /** Another place for the key set than Okta's; empty for that one. */
  readonly jwksUrl: string;
  readonly clock: Clock;
  readonly onWarning: (message: string) => void;
}

/** Nothing is fetched yet. */
export function trustIssuer(
  issuer: string,
  { audiences, jwksUrl, clock, onWarning }: TrustOptions,
): OpenedIssuer {
  const url = new URL(jwksUrl === '' ? keySetOf(issuer) : jwksUrl);
  const upstream = createUndiciUpstream(url.origin, { connections, connectTimeoutMs: timeoutMs });
  const { call } = upstream;
  const keySet = new RemoteKeySet({ read: readIssuerKeys, url, call, timeoutMs, clock, onWarning });
  const close = async (): Promise<void> => {
    keySet.close();
    await upstream.close();
  };
  return { issuer, audiences, keySet, close };
}

/** Okta's org server has no path of its own; custom servers are below `/oauth2/`. */
function keySetOf(issuer: string): string {
  return new URL(issuer).pathname === '/' ? `${issuer}/oauth2/v1/keys` : `${issuer}/v1/keys`;
}
