import { expect } from 'vitest';
import { json } from '../../support/api-client.js';
import type { Answer } from '../../support/api-client.js';
import type { ExpectedAnswer } from './answer-rows.js';

/** Compares every part of an answer that the contract speaks of with what is expected, and the log with both. */
export function expectAnswer(
  answer: Answer,
  expected: ExpectedAnswer,
  decisions: readonly Record<string, unknown>[],
): void {
  const logged = decisions.map(({ outcome, code }) => `${String(outcome)}/${String(code)}`);
  expect({ ...read(answer), logged }).toEqual({
    status: expected.status,
    challenge: expected.challenge,
    retryAfter: expected.retryAfter,
    document: documentOf(expected, decisions[0]?.decisionId),
    contentType:
      expected.status === 200 ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8',
    cacheControl: expected.status === 200 ? undefined : 'no-store',
    logged: expected.logged === undefined ? [] : [expected.logged],
  });
}

function read(answer: Answer): Record<string, unknown> {
  const { title, ...document } = json(answer);
  if (answer.status !== 200) expect(title).toMatch(/^[A-Z][a-z ]+/);
  return {
    status: answer.status,
    challenge: answer.headers['www-authenticate'],
    retryAfter: answer.headers['retry-after'],
    document,
    contentType: answer.headers['content-type'],
    cacheControl: answer.headers['cache-control'],
  };
}

function documentOf({ status, message, code, detail, decided }: ExpectedAnswer, decisionId: unknown): object {
  if (status === 200) return { message };
  const type = `urn:nest-okta-opa:problem:${code ?? ''}`;
  return { type, status, code, detail, ...(decided ? { decisionId } : {}) };
}
