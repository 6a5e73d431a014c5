import type { AccessOptions, OktaOptions, OpaOptions } from '../access/access-options.js';
import type { ApiSettings } from '../settings/api-settings.js';

/** The module's options, out of the settings of app.env. */
export function accessOptionsOf(settings: ApiSettings): Pick<AccessOptions, 'okta' | 'opa' | 'realm'> {
  return { okta: oktaOptions(settings), opa: opaOptions(settings), realm: settings.audience };
}

function oktaOptions(settings: ApiSettings): OktaOptions {
  const common = {
    issuer: settings.issuer,
    audience: settings.audience,
    clientIds: clientIds(settings),
    timeoutMs: settings.oktaTimeoutMs,
    tokenCacheEntries: settings.tokenCacheEntries,
    ...(settings.jwksUrl === '' ? {} : { jwksUrl: settings.jwksUrl }),
  };
  if (settings.validation === 'local') return { ...common, validation: 'local' };
  return {
    ...common,
    validation: settings.validation,
    clientId: settings.clientId,
    clientSecret: settings.clientSecret,
    introspectionCacheSeconds: settings.introspectionCacheSeconds,
    introspectionOptionalClaims: settings.introspectionOptionalClaims,
  };
}

function clientIds({ allowedClientIds, clientId }: ApiSettings): readonly string[] | 'any' {
  if (allowedClientIds.includes('*')) return 'any';
  return allowedClientIds.length === 0 ? [clientId] : allowedClientIds;
}

function opaOptions(settings: ApiSettings): OpaOptions {
  const url = settings.opaUrl;
  if (settings.opaMode === 'sidecar') return { mode: 'sidecar', url, timeoutMs: settings.opaTimeoutMs };
  return { mode: 'embedded', url, bundle: settings.opaBundle };
}
