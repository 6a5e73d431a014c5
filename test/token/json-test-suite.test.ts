import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseStrictObject } from '../../src/token/strict-json.js';
import { describeWithVectors } from '../support/vectors.js';

/** Texts that any JSON parser must accept and that we refuse, each with the rule of ours that it breaks. */
const refusedByOurRules: Readonly<Record<string, string>> = {
  'y_object_duplicated_key.json': 'a duplicate name',
  'y_object_duplicated_key_and_value.json': 'a duplicate name with an equal value',
};

/** Texts that parsers may take or leave, and that we take. */
const takenFreely: readonly string[] = [
  'i_number_double_huge_neg_exp.json', // rounds to 0
  'i_number_real_underflow.json', // rounds to 0
  'i_number_too_big_neg_int.json', // loses digits and stays finite
  'i_number_too_big_pos_int.json',
  'i_number_very_big_negative_int.json',
];

describeWithVectors('JSONTestSuite', 'jsontestsuite/test_parsing', (folder) => {
  const files = readdirSync(folder);
  const named = (prefix: string) => files.filter((file) => file.startsWith(prefix));

  /** The strict parser takes objects only, so each text is also tried as the value of a member. */
  function asMember(file: string): Buffer {
    return Buffer.concat([Buffer.from('{"value":'), readFileSync(join(folder, file)), Buffer.from('}')]);
  }

  it('is whole', () => {
    expect(['y_', 'n_', 'i_'].map((prefix) => named(prefix).length)).toEqual([95, 188, 35]);
  });

  it.each(named('y_').filter((file) => !(file in refusedByOurRules)))('accepts %s', (file) => {
    const text = readFileSync(join(folder, file));
    const expected = JSON.parse(text.toString()) as unknown;
    expect(parseStrictObject(asMember(file))).toEqual({ value: expected });
    if (text.toString().trimStart().startsWith('{')) expect(parseStrictObject(text)).toEqual(expected);
  });

  it.each(Object.entries(refusedByOurRules))('refuses %s, which has %s', (file) => {
    expect(parseStrictObject(asMember(file))).toBeUndefined();
    expect(parseStrictObject(readFileSync(join(folder, file)))).toBeUndefined();
  });

  it.each(named('n_'))('refuses %s', (file) => {
    expect(parseStrictObject(readFileSync(join(folder, file)))).toBeUndefined();
    expect(parseStrictObject(asMember(file))).toBeUndefined();
  });

  describe('of what is left to parsers', () => {
    it.each(named('i_'))('decides on %s as listed', (file) => {
      const isTaken = parseStrictObject(asMember(file)) !== undefined;
      expect(isTaken).toBe(takenFreely.includes(file));
    });
  });
});
