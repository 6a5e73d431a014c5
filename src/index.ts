/**
 * What other Nest services import: a guard that authenticates Okta access tokens and asks OPA.
 *
 * @packageDocumentation
 */
export { AccessModule } from './access/access.module.js';
export { AccessRuntime } from './access/access-runtime.js';
export type { ReadinessCheck } from './access/access-runtime.js';
export { AccessSetupError } from './access/check-options.js';
export type { AccessOptions, OktaOptions, OpaOptions } from './access/access-options.js';
export { AccessRefused } from './access/access-refused.js';
export type { AccessRefusal, RefusalCode } from './access/refusals.js';
export { CurrentPrincipal } from './access/http-request.js';
export { Policy, Public } from './access/route-access.js';
export type { DecisionOutcome, DecisionRecord, DecisionSink } from './policy/decision-record.js';
export type { Principal, ValidationMode } from './token/principal.js';
