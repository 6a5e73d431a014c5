import { X509Certificate } from 'node:crypto';
import { isSecureUrl } from '../base/secure-url.js';
import { TokenSourceError } from './token-source-error.js';
import type { TokenSourceOptions } from './token-source-options.js';

type Values = Readonly<Record<string, unknown>>;
/** What the value must be, or undefined when it is. */
type Check = (value: unknown) => string | undefined;

const isText: Check = (value) =>
  typeof value === 'string' && value !== '' ? undefined : 'must be a text that is not empty';

const isPem: Check = (value) =>
  isText(value) ?? (holdsCertificate(String(value)) ? undefined : 'must be certificates in PEM');

const isFunction: Check = (value) => (typeof value === 'function' ? undefined : 'must be a function');

const isUrl: Check = (value) =>
  typeof value === 'string' && isSecureUrl(value)
    ? undefined
    : 'must be a URL of https, or of http on loopback';

/** RFC 8414 section 2. */
const isIssuer: Check = (value) =>
  isUrl(value) ?? (String(value).includes('?') ? 'must have no query' : undefined);

const isOneOf =
  (...choices: readonly unknown[]): Check =>
  (value) =>
    choices.includes(value) ? undefined : `must be ${choices.join(' or ')}`;

const isBetween =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most
      ? undefined
      : `must be a whole number from ${least} to ${most}`;

const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);

const day = 86_400_000;

const checks = {
  issuer: optional(isIssuer),
  tokenEndpoint: optional(isUrl),
  clientId: isText,
  clientSecret: isText,
  clientAuthentication: optional(isOneOf('client_secret_basic', 'client_secret_post')),
  // Looked into by grantMistakes.
  grant: () => undefined,
  scope: optional(isText),
  audience: optional(isText),
  token: optional(isOneOf('access_token', 'id_token')),
  deadlineMs: optional(isBetween(1, 600_000)),
  retries: optional(isBetween(0, 10)),
  refreshAheadMs: optional(isBetween(0, day)),
  clockSkewMs: optional(isBetween(0, 600_000)),
  ca: optional(isPem),
  onRefresh: optional(isFunction),
} satisfies Record<keyof TokenSourceOptions, Check>;

const passwordChecks = { 'grant.username': isText, 'grant.password': isText };
const refreshChecks = { 'grant.refreshToken': isText, 'grant.onRefreshToken': optional(isFunction) };

/** @throws TokenSourceError `invalid_options` that names all mistakes, and none of the values */
export function checkOptions(options: TokenSourceOptions): void {
  const values = options as unknown as Values;
  const mistakes = [
    ...unknownOptions(values),
    ...serverMistakes(values),
    ...mistakesOf(values, checks),
    ...grantMistakes(values.grant),
  ];
  if (mistakes.length > 0) throw new TokenSourceError('invalid_options', mistakes.join('; '));
}

function unknownOptions(values: Values): string[] {
  const names = Object.keys(values).filter((name) => !Object.hasOwn(checks, name));
  return names.map((name) => `there is no option ${name}`);
}

function serverMistakes({ issuer, tokenEndpoint }: Values): string[] {
  const isOne = (issuer === undefined) !== (tokenEndpoint === undefined);
  return isOne ? [] : ['one of issuer and tokenEndpoint must be given'];
}

function grantMistakes(grant: unknown): string[] {
  if (grant === 'client_credentials') return [];
  const members = Object.entries(Object(grant) as Values);
  const values = Object.fromEntries(members.map(([name, value]) => [`grant.${name}`, value]));
  return mistakesOf(values, values['grant.refreshToken'] !== undefined ? refreshChecks : passwordChecks);
}

function mistakesOf(values: Values, rows: Readonly<Record<string, Check>>): string[] {
  return Object.entries(rows).flatMap(([name, check]) => {
    const mistake = check(values[name]);
    return mistake === undefined ? [] : [`${name} ${mistake}`];
  });
}

/** Node would take any text, and then trust nobody. */
function holdsCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
