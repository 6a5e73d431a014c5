import type { Answer, AnswerHeader, Content } from './description.js';
import { reference } from './schema-parts.js';

export function json(description: string, name: string, ...others: readonly string[]): Answer {
  return { description, content: jsonContent(name, ...others) };
}

function jsonContent(name: string, ...others: readonly string[]): Content {
  const isOne = others.length === 0;
  const schema = isOne ? reference(name) : { anyOf: [name, ...others].map(reference) };
  return { 'application/json': { schema } };
}

const html: Content = { 'text/html': { schema: { type: 'string' } } };

export function page(description: string): Answer {
  return { description, content: html };
}

/** A page where a person is to read it, the error of a form that can't be read. */
export const pageOrError: Answer = {
  description: 'The request cannot be answered at the redirect URI, or cannot be read',
  content: { ...html, ...jsonContent('OAuthError', 'OktaError') },
};

export function redirection(description: string): Answer {
  return { description, headers: { location: textHeader('the URI, with the answer in its query') } };
}

function textHeader(description: string): AnswerHeader {
  return { description, schema: { type: 'string' } };
}

function numberHeader(description: string): AnswerHeader {
  return { description, schema: { type: 'integer' } };
}

const retryAfter = { 'retry-after': numberHeader('seconds to wait') };
const challenge = { 'www-authenticate': textHeader('the scheme that would do') };

/** How often failed attempts are answered. */
export const rateLimitHeaders = {
  ...retryAfter,
  'x-rate-limit-limit': numberHeader('failed attempts a minute'),
  'x-rate-limit-remaining': numberHeader('what is left of them'),
  'x-rate-limit-reset': numberHeader('seconds since the epoch'),
};

/** Answers that many operations have. */
export const answers = {
  BadRequest: json('The request is not acceptable', 'OAuthError', 'OktaError'),
  InvalidRequest: json('The request is not acceptable', 'OktaError'),
  InvalidClient: {
    ...json('The client is not authenticated', 'OAuthError'),
    headers: challenge,
  },
  InvalidToken: { ...json('No access token that is good', 'OktaError'), headers: challenge },
  NotPermitted: {
    ...json('An access token without the scope that is needed', 'OktaError'),
    headers: challenge,
  },
  UnknownServer: json('There is no such authorization server', 'OktaError'),
  NotFound: json('There is nothing with this id', 'OktaError'),
  Conflict: json('It contradicts what is there', 'OktaError'),
  TooLarge: json('The body is larger than 64 KiB', 'OktaError'),
  UnsupportedType: json('The content-type is none', 'OktaError'),
  TooManyAttempts: {
    ...json('Too many attempts failed', 'OktaError'),
    headers: rateLimitHeaders,
  },
  Unavailable: {
    ...json('The database does not answer, or too many are signing in', 'OAuthError'),
    headers: retryAfter,
  },
  DatabaseUnavailable: { ...json('The database does not answer', 'OktaError'), headers: retryAfter },
} satisfies Record<string, Answer>;

/** @returns a reference to one of {@link answers} */
export function answer(name: keyof typeof answers): { readonly $ref: string } {
  return { $ref: `#/components/responses/${name}` };
}

/** Of what takes a body. */
export const bodyAnswers = { 413: answer('TooLarge'), 415: answer('UnsupportedType') };
