import { OktaApiError } from '../okta-api-error.js';
import type { Allowance } from './failure-allowance.js';

/**
 * Okta's answer to one call too many: 429 `E0000047`, with the headers that its clients wait by.
 *
 * https://developer.okta.com/docs/reference/rl-best-practices/
 *
 * @param now milliseconds since the epoch
 */
export function rateLimited({ limit, remaining, resetAt }: Allowance, now: number): OktaApiError {
  return new OktaApiError(429, 'E0000047', 'API call exceeded rate limit due to too many requests.', {
    headers: {
      'x-rate-limit-limit': String(limit),
      'x-rate-limit-remaining': String(remaining),
      // Whole seconds, and never too early.
      'x-rate-limit-reset': String(Math.ceil(resetAt / 1000)),
      'retry-after': String(Math.max(1, Math.ceil((resetAt - now) / 1000))),
    },
  });
}
