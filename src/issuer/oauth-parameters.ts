import { OAuthError } from './oauth-error.js';

interface Parameter {
  readonly value: string;
  readonly isInQuery: boolean;
}

/** The parameters of one request, from body and query string together, each at most once (RFC 6749 section 3.2). */
export class OAuthParameters {
  readonly #parameters: ReadonlyMap<string, Parameter>;

  constructor(parameters: ReadonlyMap<string, Parameter>) {
    this.#parameters = parameters;
  }

  /** A parameter without a value counts as absent (RFC 6749 section 3.1). */
  get(name: string): string | undefined {
    const value = this.#parameters.get(name)?.value;
    return value === '' ? undefined : value;
  }

  /** @throws OAuthError `invalid_request` when it is absent */
  require(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw new OAuthError('invalid_request', `The '${name}' parameter is required.`);
    return value;
  }

  isInQuery(name: string): boolean {
    return this.#parameters.get(name)?.isInQuery ?? false;
  }
}

const maxParameters = 100;
const formType = /^application\/x-www-form-urlencoded *(;|$)/i;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

export interface OAuthInput {
  readonly body: Uint8Array | undefined;
  readonly contentType: string | undefined;
  /** The request target as received. */
  readonly target: string;
}

/** @throws OAuthError `invalid_request` when the body is no form, or a parameter is given twice or can't be decoded */
export function readOAuthParameters({ body, contentType, target }: OAuthInput): OAuthParameters {
  const parameters = new Map<string, Parameter>();
  const query = target.indexOf('?');
  if (query !== -1) collect(target.slice(query + 1), true, parameters);
  if (body !== undefined && body.length > 0) {
    if (!formType.test(contentType ?? ''))
      throw new OAuthError('invalid_request', 'The body must be application/x-www-form-urlencoded.');
    collect(decodeBody(body), false, parameters);
  }
  return new OAuthParameters(parameters);
}

function collect(form: string, isInQuery: boolean, parameters: Map<string, Parameter>): void {
  for (const pair of form.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    if (parameters.has(name)) throw new OAuthError('invalid_request', 'A parameter is given more than once.');
    parameters.set(name, { value: equals === -1 ? '' : decode(pair.slice(equals + 1)), isInQuery });
    if (parameters.size > maxParameters)
      throw new OAuthError('invalid_request', 'There are too many parameters.');
  }
}

function decodeBody(body: Uint8Array): string {
  try {
    return strictUtf8.decode(body);
  } catch {
    throw undecodable();
  }
}

const encoded = /[%+\0]/;

/** Strict where URLSearchParams would put replacement characters. No database takes a NUL, and no name needs one. */
function decode(text: string): string {
  // Tokens are long and need no decoding.
  if (!encoded.test(text)) return text;
  let decoded: string;
  try {
    decoded = decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw undecodable();
  }
  if (decoded.includes('\0')) throw undecodable();
  return decoded;
}

function undecodable(): OAuthError {
  return new OAuthError(
    'invalid_request',
    'The parameters are not well-formed: UTF-8, percent-encoded, without NUL.',
  );
}
