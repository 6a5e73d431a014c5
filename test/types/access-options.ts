/**
 * Combinations of options that can't work can't be written down. Compiled, never run: an expected error that does not
 * come up is an error itself.
 */
import { AccessModule } from '../../src/index.js';
import type { AccessOptions, DecisionRecord, Principal, ValidationMode } from '../../src/index.js';

const okta = {
  issuer: 'https://idp.test/oauth2/default',
  audience: 'api://default',
  clientIds: 'any',
} as const;
const opa = { mode: 'sidecar', url: 'http://localhost:8181/v1/data/demoapi/authz/allow' } as const;

export const local: AccessOptions = { okta: { ...okta, validation: 'local' }, opa };
export const remote: AccessOptions = {
  okta: { ...okta, validation: 'remote', clientId: 'a', clientSecret: 'b', introspectionCacheSeconds: 5 },
  opa: { mode: 'embedded', bundle: 'policies/bundle.tar.gz', url: opa.url },
};

// @ts-expect-error introspection needs this service's own client
export const withoutClient: AccessOptions = { okta: { ...okta, validation: 'both' }, opa };

export const cacheWithoutIntrospection: AccessOptions = {
  // @ts-expect-error local validation has no introspection answers to keep
  okta: { ...okta, validation: 'local', introspectionCacheSeconds: 5 },
  opa,
};

export const withoutBundle: AccessOptions = {
  okta: { ...okta, validation: 'local' },
  // @ts-expect-error the embedded engine needs a bundle
  opa: { ...opa, mode: 'embedded' },
};

// @ts-expect-error there is no such mode
export const unknownMode: ValidationMode = 'lenient';

export function readOnly(principal: Principal, record: DecisionRecord): void {
  // @ts-expect-error a principal is not changed after it was verified
  principal.sub = 'somebody else';
  // @ts-expect-error a record neither
  record.outcome = 'allow';
  // @ts-expect-error nor its scopes
  principal.scopes.push('admin');
}

export const module = AccessModule.forRootAsync({ useFactory: () => local });
