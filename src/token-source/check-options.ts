import { isSecureUrl } from '../base/secure-url.js';
import { TokenSourceError } from './token-source-error.js';
import type { TokenSourceOptions } from './token-source-options.js';

type Values = Readonly<Record<string, unknown>>;

const authentications = ['client_secret_basic', 'client_secret_post'];
const tokens = ['access_token', 'id_token'];

/** @throws TokenSourceError `invalid_options` that names all mistakes, and none of the values */
export function checkOptions(options: TokenSourceOptions): void {
  const values = options as unknown as Values;
  const mistakes = [
    serverMistake(values),
    ...['clientId', 'clientSecret'].map((name) => textMistake(name, values[name])),
    ...['scope', 'audience', 'ca'].map((name) =>
      ifGiven(values[name], () => textMistake(name, values[name])),
    ),
    grantMistake(values.grant),
    choiceMistake('clientAuthentication', values.clientAuthentication, authentications),
    choiceMistake('token', values.token, tokens),
    rangeMistake('deadlineMs', values.deadlineMs, 1, 600_000),
    rangeMistake('retries', values.retries, 0, 10),
    rangeMistake('refreshAheadMs', values.refreshAheadMs, 0, Number.MAX_SAFE_INTEGER),
    rangeMistake('clockSkewMs', values.clockSkewMs, 0, 600_000),
    ifGiven(values.onRefresh, () => functionMistake('onRefresh', values.onRefresh)),
  ].filter((mistake) => mistake !== undefined);
  if (mistakes.length > 0) throw new TokenSourceError('invalid_options', mistakes.join('; '));
}

function serverMistake({ issuer, tokenEndpoint }: Values): string | undefined {
  if ((issuer === undefined) === (tokenEndpoint === undefined))
    return 'one of issuer and tokenEndpoint must be given';
  const [name, value] = issuer === undefined ? ['tokenEndpoint', tokenEndpoint] : ['issuer', issuer];
  const isSecure = typeof value === 'string' && isSecureUrl(value);
  return isSecure ? undefined : `${name} must be a URL of https, or of http on loopback`;
}

function grantMistake(grant: unknown): string | undefined {
  if (grant === 'client_credentials') return undefined;
  const values = Object(grant) as Values;
  if (values.refreshToken === undefined)
    return textMistake('grant.username', values.username) ?? textMistake('grant.password', values.password);
  return (
    textMistake('grant.refreshToken', values.refreshToken) ??
    ifGiven(values.onRefreshToken, () => functionMistake('grant.onRefreshToken', values.onRefreshToken))
  );
}

function ifGiven(value: unknown, mistake: () => string | undefined): string | undefined {
  return value === undefined ? undefined : mistake();
}

function textMistake(name: string, value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? undefined : `${name} must be a text that is not empty`;
}

function functionMistake(name: string, value: unknown): string | undefined {
  return typeof value === 'function' ? undefined : `${name} must be a function`;
}

function choiceMistake(name: string, value: unknown, choices: readonly string[]): string | undefined {
  const isChoice = value === undefined || choices.includes(value as string);
  return isChoice ? undefined : `${name} must be ${choices.join(' or ')}`;
}

function rangeMistake(name: string, value: unknown, least: number, most: number): string | undefined {
  const number = value ?? least;
  const isInRange = Number.isInteger(number) && Number(number) >= least && Number(number) <= most;
  return isInRange ? undefined : `${name} must be a whole number from ${least} to ${most}`;
}
