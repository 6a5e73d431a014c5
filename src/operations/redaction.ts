/** What stands in a log line where a secret stood. */
export const redacted = '[redacted]';

/** Endings of member names, lower case and without separators, whose values never reach a log. */
const secretEndings = [
  'authorization',
  'cookie',
  'cookies',
  'token',
  'tokenvalue',
  'jwt',
  'secret',
  'password',
  'passwd',
  'pepper',
  'assertion',
  'privatekey',
  'apikey',
] as const;

const maxDepth = 6;
const maxMembers = 100;
const maxTextLength = 8192;

/**
 * Text that is a credential wherever it stands: a JWT or a part of one, the value after `Bearer` or `Basic`, and a
 * secret in a form body or a query. This catches what was pasted into a message, where no member name warns.
 */
const credentialText = new RegExp(
  [
    String.raw`eyJ[\w-]{5,}(?:\.[\w-]*){0,2}`,
    String.raw`(?<=\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}`,
    String.raw`(?<=\b(?:access_token|refresh_token|id_token|token|client_secret|client_assertion|password)=)[^&\s"\\]+`,
  ].join('|'),
  'gi',
);

/** RFC 3986 section 3.2.1: the password in `scheme://user:password@host`, as connection strings have it. */
const urlPassword = /(:\/\/[^\s/:@"\\]{0,200}:)[^\s/@"\\]{1,500}(?=@)/g;

/** The text without credentials in it. */
export function redactText(text: string): string {
  return text.replace(credentialText, redacted).replace(urlPassword, `$1${redacted}`);
}

/** Whether a member of this name holds a secret, whatever its case and separators: `client_secret`, `x-api-key`. */
export function isSecretName(name: string): boolean {
  const bare = name.replace(/[^a-zA-Z]/g, '').toLowerCase();
  return secretEndings.some((ending) => bare.endsWith(ending));
}

/**
 * A copy of anything that is about to be logged, fit for a log: members with secret names replaced at every depth, text
 * and breadth and depth bounded, cycles cut, errors reduced to their name, message, code, stack and causes.
 *
 * Errors are reduced because HTTP clients hang the whole request on them, `Authorization` header included.
 */
export function redact(value: unknown): unknown {
  return copy(value, 0);
}

function copy(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return boundedText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= maxDepth) return '[deeper]';
  if (value instanceof Error) return describeError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.valueOf()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, maxMembers).map((item) => copy(item, depth + 1));
  return copyMembers(value, depth);
}

function copyMembers(source: object, depth: number): Record<string, unknown> {
  const members = Object.entries(source).slice(0, maxMembers);
  return Object.fromEntries(
    members.map(([name, value]) => [name, isSecretName(name) ? redacted : copy(value, depth + 1)]),
  );
}

function boundedText(text: string): string {
  return redactText(text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text);
}

function describeError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    message: boundedText(error.message),
    ...('code' in error && { code: copy(error.code, maxDepth) }),
    stack: boundedText(error.stack ?? ''),
    ...(error.cause !== undefined && { cause: copy(error.cause, depth + 1) }),
    ...(error instanceof AggregateError && { errors: copy(error.errors, depth + 1) }),
  };
}
