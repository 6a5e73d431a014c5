/**
 * The client's side: fetches tokens, keeps them fresh, and hands them to `pg` as a password or to HTTP as a header.
 *
 * @packageDocumentation
 */
export { createTokenSource } from './create-token-source.js';
export type { TokenSource } from './token-source.js';
export { TokenSourceError } from './token-source-error.js';
export type { TokenErrorCode } from './token-source-error.js';
export type {
  PasswordGrant,
  RefreshEvent,
  RefreshTokenGrant,
  TokenSourceOptions,
} from './token-source-options.js';
export type { Timing } from './timing.js';
