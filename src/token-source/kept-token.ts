import type { Moment } from './timing.js';
import type { IssuedToken } from './token-response.js';
import type { TokenSourceOptions } from './token-source-options.js';

/** A token that is handed out again and again. */
export interface KeptToken {
  /** Resolved; made once, as every caller gets it. */
  readonly promise: Promise<string>;
  readonly requestedAt: Moment;
  /** The age at which it is handed out no more, in milliseconds since it was requested. */
  readonly usableMs: number;
  /** The age from which on another one is fetched in the background. */
  readonly refreshMs: number;
}

type LifeOptions = Pick<TokenSourceOptions, 'refreshAheadMs' | 'clockSkewMs'>;

const defaultSkewMs = 30_000;

/** @returns undefined for a token whose end is not known: it may be over at any time, so it is not kept */
export function keptToken(
  { token, requestedAt, lifeMs }: IssuedToken,
  { refreshAheadMs, clockSkewMs = defaultSkewMs }: LifeOptions,
  random: () => number,
): KeptToken | undefined {
  if (lifeMs === undefined) return undefined;
  const usableMs = lifeMs - Math.min(clockSkewMs, lifeMs / 4);
  const wanted = (refreshAheadMs ?? lifeMs / 5) * (1 + random() / 4);
  // A token that is replaced as soon as it is there would be fetched without end.
  const aheadMs = Math.min(wanted, usableMs / 2);
  return { promise: Promise.resolve(token), requestedAt, usableMs, refreshMs: usableMs - aheadMs };
}

/** The same token after its replacement could not be had: tried again a few times before it ends. */
export function keptLonger(kept: KeptToken, ageMs: number, pauseMs: number): KeptToken {
  return { ...kept, refreshMs: ageMs + Math.max(pauseMs, (kept.usableMs - ageMs) / 4) };
}
