import { isSecureUrl } from '../base/secure-url.js';
import { SetupError } from '../base/setup-error.js';
import { parseOpaUrl } from '../policy/opa-url.js';
import type { OpaUrl } from '../policy/opa-url.js';
import type { AccessOptions, OktaOptions } from './access-options.js';

/** The options can't be put into force; the message says what to change. */
export class AccessSetupError extends SetupError {
  override readonly name = 'AccessSetupError';
}

const secureUrl = 'expected an https URL (plain http is accepted for loopback hosts only)';

/**
 * What no type can say about options, which may come from a program without types or out of a configuration.
 *
 * @returns the URL of OPA, taken apart
 * @throws AccessSetupError naming every option that can't be used; values are not quoted
 */
export function checkOptions(options: AccessOptions): OpaUrl {
  const opaUrl = parseOpaUrl(options.opa.url);
  const mistakes = [
    ...oktaMistakes(options.okta),
    ...(opaUrl.ok ? [] : [`opa.url: ${opaUrl.reason}`]),
    ...numberMistakes(options),
  ];
  if (mistakes.length > 0) throw new AccessSetupError(`AccessModule can't be set up: ${mistakes.join('; ')}`);
  if (!opaUrl.ok) throw new AccessSetupError(opaUrl.reason);
  return opaUrl.value;
}

function oktaMistakes(okta: OktaOptions): string[] {
  const mistakes: string[] = [];
  if (!isSecureUrl(okta.issuer)) mistakes.push(`okta.issuer: ${secureUrl}`);
  else if (/\/$|\?/.test(okta.issuer)) mistakes.push('okta.issuer: expected no slash or query at the end');
  if (okta.jwksUrl !== undefined && !isSecureUrl(okta.jwksUrl)) mistakes.push(`okta.jwksUrl: ${secureUrl}`);
  if (!okta.audience) mistakes.push('okta.audience: is required');
  if (okta.clientIds !== 'any' && !Array.isArray(okta.clientIds))
    mistakes.push("okta.clientIds: expected a list or 'any'");
  if (okta.validation !== 'local' && !(okta.clientId && okta.clientSecret))
    mistakes.push(`okta.clientId and okta.clientSecret: are required for ${okta.validation} validation`);
  return mistakes;
}

/** A bound that is no number would be none. */
function numberMistakes({ okta, opa }: AccessOptions): string[] {
  const rows: readonly (readonly [name: string, value: number | undefined, least: number])[] = [
    ['okta.timeoutMs', okta.timeoutMs, 1],
    ['okta.tokenCacheEntries', okta.tokenCacheEntries, 1],
    [
      'okta.introspectionCacheSeconds',
      okta.validation === 'local' ? undefined : okta.introspectionCacheSeconds,
      0,
    ],
    ['opa.timeoutMs', opa.mode === 'sidecar' ? opa.timeoutMs : undefined, 1],
  ];
  return rows
    .filter(([, value, least]) => value !== undefined && !(Number.isSafeInteger(value) && value >= least))
    .map(([name, , least]) => `${name}: expected a whole number of at least ${least}`);
}
