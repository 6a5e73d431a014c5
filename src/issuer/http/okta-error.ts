import { randomBytes } from 'node:crypto';

/** Okta's own form of an error, used wherever OAuth's is not. */
export interface OktaError {
  readonly errorCode: string;
  readonly errorSummary: string;
  readonly errorLink: string;
  readonly errorId: string;
  readonly errorCauses: readonly { readonly errorSummary: string }[];
}

const oktaErrors: Readonly<Record<number, { readonly code: string; readonly summary: string }>> = {
  400: { code: 'E0000003', summary: 'The request could not be read.' },
  404: { code: 'E0000007', summary: 'Not found: there is nothing here.' },
  405: { code: 'E0000022', summary: 'The endpoint does not support the provided HTTP method.' },
  408: { code: 'E0000003', summary: 'The request did not arrive in time.' },
  413: { code: 'E0000003', summary: 'The body of the request is too large.' },
  414: { code: 'E0000003', summary: 'The request target is too long.' },
  415: { code: 'E0000021', summary: 'The body has a type that is not accepted here.' },
  431: { code: 'E0000003', summary: 'The header of the request is too large.' },
  503: { code: 'E0000010', summary: 'The service is temporarily unavailable.' },
  500: { code: 'E0000009', summary: 'The request failed on the side of the server.' },
};

/** The usual body of a status. */
export function oktaErrorOf(status: number): OktaError {
  const known = oktaErrors[status] ?? (status < 500 ? oktaErrors[400] : oktaErrors[500]);
  return oktaError(known?.code ?? 'E0000009', known?.summary ?? '');
}

export function oktaError(code: string, summary: string, causes: readonly string[] = []): OktaError {
  return {
    errorCode: code,
    errorSummary: summary,
    errorLink: code,
    errorId: `oae${randomBytes(16).toString('base64url')}`,
    errorCauses: causes.map((errorSummary) => ({ errorSummary })),
  };
}
