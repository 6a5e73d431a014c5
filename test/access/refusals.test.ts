import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { challengeOf, problemDocument, refusalForms, tokenDetail } from '../../src/access/refusals.js';
import type { AccessRefusal, RefusalCode } from '../../src/access/refusals.js';
import { tokenRefusals } from '../../src/token/refusals.js';

const documented = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

function refusal(code: RefusalCode, more: Partial<AccessRefusal> = {}): AccessRefusal {
  return { code, detail: 'Why.', outcome: 'deny', cause: 'x', reason: null, ...more };
}

describe('the catalogue of refusals', () => {
  it('names the same codes and statuses as docs/errors.md', () => {
    const access = documented.slice(0, documented.indexOf('Errors that are not about access'));
    const rows = [...access.matchAll(/^\| `(\w+)` +\| (\d+) +\|/gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]);
    const forms = Object.entries(refusalForms).map(([code, { status }]) => [code, status]);
    expect(rows).toEqual(forms);
  });

  it('has every token refusal in the document, and a sentence for the client', () => {
    for (const code of tokenRefusals) {
      expect(documented).toContain(`\`${code}\``);
      expect(tokenDetail(code)).toMatch(/^The access token .*\.$/);
    }
  });
});

describe('challengeOf', () => {
  it.each([
    ['credentials_required', 'Bearer realm="api"'],
    ['invalid_token', 'Bearer realm="api", error="invalid_token", error_description="Why."'],
    ['invalid_request', 'Bearer realm="api", error="invalid_request", error_description="Why."'],
    ['access_denied', undefined],
    ['authentication_unavailable', undefined],
    ['authorization_unavailable', undefined],
  ] as const)('%s: %s', (code, challenge) => {
    expect(challengeOf(refusal(code), 'api')).toBe(challenge);
  });

  it('names the scope that is missing', () => {
    expect(challengeOf(refusal('insufficient_scope', { scope: 'a b' }), 'api')).toBe(
      'Bearer realm="api", error="insufficient_scope", error_description="Why.", scope="a b"',
    );
  });
});

describe('problemDocument', () => {
  it('carries what RFC 9457 asks for, and the decision id only where there was a decision', () => {
    expect(problemDocument(refusal('access_denied', { decisionId: 'd-1' }))).toEqual({
      type: 'urn:nest-okta-opa:problem:access_denied',
      title: 'Access denied',
      status: 403,
      detail: 'Why.',
      code: 'access_denied',
      decisionId: 'd-1',
    });
    expect(problemDocument(refusal('invalid_token'))).not.toHaveProperty('decisionId');
  });
});
