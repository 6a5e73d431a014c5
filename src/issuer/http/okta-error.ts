import { randomBytes } from 'node:crypto';

/** Okta's own form of an error, used wherever OAuth's is not. */
export interface OktaError {
  readonly errorCode: string;
  readonly errorSummary: string;
  readonly errorLink: string;
  readonly errorId: string;
  readonly errorCauses: readonly [];
}

const oktaErrors: Readonly<Record<number, { readonly code: string; readonly summary: string }>> = {
  400: { code: 'E0000003', summary: 'The request could not be read.' },
  404: { code: 'E0000007', summary: 'Not found: there is nothing here.' },
  405: { code: 'E0000022', summary: 'The endpoint does not support the provided HTTP method.' },
  500: { code: 'E0000009', summary: 'The request failed on the side of the server.' },
};

export function oktaError(status: number, summary?: string): OktaError {
  const known = oktaErrors[status] ?? (status < 500 ? oktaErrors[400] : oktaErrors[500]);
  const code = known?.code ?? 'E0000009';
  return {
    errorCode: code,
    errorSummary: summary ?? known?.summary ?? '',
    errorLink: code,
    errorId: `oae${randomBytes(16).toString('base64url')}`,
    errorCauses: [],
  };
}
