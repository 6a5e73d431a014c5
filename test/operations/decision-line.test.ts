import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecisionSerializer, decisionLevels } from '../../src/operations/decision-line.js';
import { decisionOutcomes } from '../../src/policy/decision-record.js';
import type { DecisionRecord } from '../../src/policy/decision-record.js';
import { decisionRecord } from './support/records.js';

const line = createDecisionSerializer();

function parsed(members: Partial<DecisionRecord>): Record<string, unknown> {
  return JSON.parse(line(decisionRecord(members))) as Record<string, unknown>;
}

describe('the log line of a decision', () => {
  it('carries every member of the record, with times in whole microseconds', () => {
    const { at, ...members } = decisionRecord();
    expect(parsed({})).toEqual({
      ...members,
      level: 30,
      time: at,
      msg: 'decision',
      tokenMs: 0.012,
      policyMs: 0.25,
    });
  });

  it('is one line', () => {
    expect(line(decisionRecord({ sub: 'a\nb', reason: 'c\r\nd' })).split('\n')).toEqual([
      expect.any(String),
      '',
    ]);
  });

  it.each(decisionOutcomes)('has a level for the outcome %s', (outcome) => {
    expect(parsed({ outcome }).level).toBe(decisionLevels[outcome]);
  });

  it('says null where there is nothing to say', () => {
    const nothing = {
      api: null,
      revision: null,
      tokenHash: null,
      jti: null,
      cid: null,
      sub: null,
      tokenMs: null,
      policyMs: null,
    };
    expect(parsed(nothing)).toMatchObject(nothing);
  });

  it('shows a revision that changed, and one that changed back', () => {
    expect(['a', 'b', 'b', null, 'a'].map((revision) => parsed({ revision }).revision)).toEqual([
      'a',
      'b',
      'b',
      null,
      'a',
    ]);
  });

  it('gives text from outside back as it was, whatever characters it is made of', () => {
    const text = fc.string({ unit: 'binary', maxLength: 100 });
    fc.assert(
      fc.property(text, text, text, text, (sub, cid, jti, api) => {
        expect(parsed({ sub, cid, jti, api })).toMatchObject({ sub, cid, jti, api });
      }),
    );
  });

  it.each([
    ['the escape character', '\u001b[2J'],
    ['a C1 control sequence introducer', '\u009b2J'],
    ['delete', '\u007f'],
    ['a line separator', '\u2028'],
    ['a right-to-left override', '\u202e'],
    ['half a surrogate pair', '\ud800'],
  ])('keeps %s out of the raw line', (_, text) => {
    const raw = line(decisionRecord({ sub: text }));
    expect(raw).not.toContain(text);
    expect(JSON.parse(raw)).toMatchObject({ sub: text });
  });

  it('stays bounded when a client chooses long text', () => {
    const long = '\u0000'.repeat(1_000_000);
    const members = {
      method: long,
      api: long,
      sub: long,
      cid: long,
      jti: long,
      reason: long,
      traceId: long,
      code: long,
    };
    expect(line(decisionRecord(members)).length).toBeLessThan(20_000);
  });

  it('stays JSON when a time is none', () => {
    expect(parsed({ tokenMs: Number.NaN, policyMs: Infinity })).toMatchObject({
      tokenMs: null,
      policyMs: null,
    });
  });

  it('redacts a token that somebody put into the path', () => {
    const api = '/sayhello/eyJraWQiOiIxIn0.eyJzdWIiOiJtZSJ9.c2ln';
    expect(parsed({ api }).api).toBe('/sayhello/[redacted]');
  });
});
