import { expect, it } from 'vitest';
import { preparedPassword } from '../../../src/gateway/upstream/saslprep.js';

it.each([
  { note: 'ASCII stays', password: 'pencil', prepared: 'pencil' },
  { note: 'no password stays', password: '', prepared: '' },
  {
    note: 'control characters of ASCII stay, as with PostgreSQL',
    password: 'a\u0007b',
    prepared: 'a\u0007b',
  },
  { note: 'a soft hyphen is dropped (RFC 4013 section 3)', password: 'I\u00adX', prepared: 'IX' },
  { note: 'case stays (RFC 4013 section 3)', password: 'USER\u00ad', prepared: 'USER' },
  { note: 'a feminine ordinal is an a (RFC 4013 section 3)', password: '\u00aa', prepared: 'a' },
  { note: 'a Roman numeral is two letters (RFC 4013 section 3)', password: '\u2168', prepared: 'IX' },
  { note: 'spaces become the ASCII space', password: 'a\u00a0b\u3000c', prepared: 'a b c' },
  { note: 'a zero width space is a space', password: 'a\u200bb', prepared: 'a b' },
  { note: 'a decomposed letter is composed', password: 'e\u0301', prepared: '\u00e9' },
  { note: 'what is nothing but dropped stays raw', password: '\u00ad', prepared: '\u00ad' },
  { note: 'with a control character it stays raw', password: '\u2168\u0007', prepared: '\u2168\u0007' },
  { note: 'with a private character it stays raw', password: '\u2168\ue000', prepared: '\u2168\ue000' },
  {
    note: 'with a character newer than Unicode 3.2 it stays raw',
    password: '\u2168\u{1f600}',
    prepared: '\u2168\u{1f600}',
  },
  { note: 'right to left is prepared', password: '\u0627\u00ad\u0628', prepared: '\u0627\u0628' },
  {
    note: 'right to left may have a digit inside',
    password: '\u0627\u2460\u0628',
    prepared: '\u06271\u0628',
  },
  {
    note: 'right to left with a digit at its end stays raw',
    password: '\u0627\u2460',
    prepared: '\u0627\u2460',
  },
  {
    note: 'right to left with a digit at its beginning stays raw',
    password: '\u2460\u0627',
    prepared: '\u2460\u0627',
  },
  {
    note: 'right to left with a letter from left to right stays raw',
    password: '\u0627\u2168\u0628',
    prepared: '\u0627\u2168\u0628',
  },
  { note: 'a letter beyond the first plane counts as one', password: '\u{1d400}', prepared: 'A' },
])('in a password, $note (20)', ({ password, prepared }) => {
  expect(preparedPassword(password)).toBe(prepared);
});
