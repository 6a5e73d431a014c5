/** One HTTP request and its answer, as the demo shows them. */
export interface Exchange {
  readonly status: number;
  readonly statusText: string;
  readonly body: unknown;
  readonly sent: readonly string[];
  readonly received: readonly string[];
}

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Credentials, sent but shown only by their kind. */
  readonly authorization?: { readonly scheme: 'Basic' | 'Bearer'; readonly credentials: string };
  readonly form?: Readonly<Record<string, string>>;
}

/** Sends a request and keeps what a reader should see of it: no secret, and of a token no more than its beginning. */
export async function exchange(request: ExchangeRequest): Promise<Exchange> {
  const { method, url, authorization, form } = request;
  const response = await fetch(url, {
    method,
    headers: authorization ? { authorization: `${authorization.scheme} ${authorization.credentials}` } : {},
    ...(form ? { body: new URLSearchParams(form) } : {}),
  });
  const text = await response.text();
  return {
    status: response.status,
    statusText: response.statusText,
    body: parse(text),
    sent: sentLines(request),
    received: receivedLines(response, text),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function sentLines({ method, url, authorization, form }: ExchangeRequest): string[] {
  const lines = [`${method} ${url}`];
  if (authorization) lines.push(`Authorization: ${authorization.scheme} ${shorten(authorization)}`);
  if (form) lines.push(formLine(form));
  return lines;
}

function formLine({ token, ...form }: NonNullable<ExchangeRequest['form']>): string {
  const shown = new URLSearchParams(form).toString();
  return token === undefined ? shown : `${shown}token=${beginning(token)}`;
}

function shorten({ scheme, credentials }: NonNullable<ExchangeRequest['authorization']>): string {
  if (scheme === 'Basic') return '<client id and secret>';
  return beginning(credentials);
}

function beginning(token: string): string {
  return `${token.slice(0, 12)}… (${token.length} characters)`;
}

function receivedLines(response: Response, text: string): string[] {
  const challenge = response.headers.get('www-authenticate');
  const body = text.replace(/"access_token":"([^"]{12})[^"]*"/, '"access_token":"$1…"');
  return [...(challenge === null ? [] : [`WWW-Authenticate: ${challenge}`]), body].filter(
    (line) => line !== '',
  );
}
