/**
 * A refusal in Okta's own form, `{errorCode, errorSummary, …}`, for what OAuth has no form for.
 *
 * Codes: https://developer.okta.com/docs/reference/error-codes/
 */
export class OktaApiError extends Error {
  override readonly name = 'OktaApiError';
  readonly status: number;
  /** `E0000007` and the like. */
  readonly code: string;
  readonly causes: readonly string[];
  readonly headers: Readonly<Record<string, string>>;

  /**
   * @param summary for the developer of the client
   * @param more `causes`: what in particular is wrong, one sentence each; `headers` of the answer
   */
  constructor(
    status: number,
    code: string,
    summary: string,
    more: { readonly causes?: readonly string[]; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(summary);
    this.status = status;
    this.code = code;
    this.causes = more.causes ?? [];
    this.headers = more.headers ?? {};
  }
}
