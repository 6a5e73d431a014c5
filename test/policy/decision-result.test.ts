import { describe, expect, it } from 'vitest';
import { toDecision } from '../../src/policy/decision-result.js';

describe('a decision', () => {
  it.each([
    { result: true, decision: { allow: true } },
    { result: false, decision: { allow: false } },
    { result: { allow: true }, decision: { allow: true } },
    {
      result: { allow: false, reason: 'needs a scope', scope: 'read_sayhello write' },
      decision: { allow: false, reason: 'needs a scope', scope: 'read_sayhello write' },
    },
    { result: { allow: false, reason: '', scope: '', role: '' }, decision: { allow: false } },
    { result: { allow: true, role: 'reader' }, decision: { allow: true, role: 'reader' } },
    { result: { allow: false, code: 7, obligations: [] }, decision: { allow: false } },
    {
      result: { allow: true, reason: 'für dich: 你好' },
      decision: { allow: true, reason: 'für dich: 你好' },
    },
    { result: { allow: true, reason: 'r'.repeat(300) }, decision: { allow: true, reason: 'r'.repeat(300) } },
  ])('is read from $result', ({ result, decision }) => {
    expect(toDecision(result)).toStrictEqual({ ok: true, value: decision });
  });

  it('is undefined where the policy defines nothing', () => {
    expect(toDecision(undefined)).toMatchObject({ ok: false, code: 'undefined' });
  });

  it.each([
    { what: 'null', result: null },
    { what: 'a number', result: 1 },
    { what: 'the text "true"', result: 'true' },
    { what: 'an array', result: [true] },
    { what: 'an object without allow', result: {} },
    { what: 'allow as text', result: { allow: 'true' } },
    { what: 'allow as number', result: { allow: 1 } },
    { what: 'a reason that is no text', result: { allow: true, reason: ['r'] } },
    { what: 'a null reason', result: { allow: true, reason: null } },
    { what: 'a reason of 301 characters', result: { allow: true, reason: 'r'.repeat(301) } },
    { what: 'a reason with a line break', result: { allow: true, reason: 'a\nb' } },
    { what: 'a reason with a line separator', result: { allow: true, reason: 'a\u2028b' } },
    { what: 'a reason that turns the writing direction', result: { allow: true, reason: 'a\u202eb' } },
    { what: 'a reason with half a character', result: { allow: true, reason: 'a\ud800' } },
    { what: 'a scope that is no text', result: { allow: false, scope: ['a'] } },
    { what: 'a scope with a quote', result: { allow: false, scope: 'a"b' } },
    { what: 'a scope with a backslash', result: { allow: false, scope: 'a\\b' } },
    { what: 'a scope with two spaces', result: { allow: false, scope: 'a  b' } },
    { what: 'a scope that begins with a space', result: { allow: false, scope: ' a' } },
    { what: 'a scope with a line break at its end', result: { allow: false, scope: 'a\n' } },
    { what: 'a scope beyond ASCII', result: { allow: false, scope: 'é' } },
    { what: 'a scope of 257 characters', result: { allow: false, scope: 's'.repeat(257) } },
    { what: 'an empty role behind a permission', result: { allow: true, role: '' } },
    { what: 'a null role', result: { allow: true, role: null } },
    { what: 'a role of 64 bytes', result: { allow: true, role: `${'r'.repeat(62)}é` } },
    { what: 'a role with a line break', result: { allow: true, role: 'reader\n' } },
  ])('is misshapen when it is or has $what', ({ result }) => {
    expect(toDecision(result)).toMatchObject({ ok: false, code: 'misshapen' });
  });

  it('that is misshapen names the member and quotes nothing of it', () => {
    const outcome = toDecision({ allow: true, reason: 'secret\n' });
    expect(outcome).toMatchObject({ reason: expect.stringContaining('reason') as string });
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });
});
