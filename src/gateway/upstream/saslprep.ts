import {
  leftToRight,
  mappedToNothing,
  nonAsciiSpaces,
  prohibited,
  rightToLeft,
  unassigned,
} from './saslprep-tables.js';

/**
 * A password as PostgreSQL prepared it when it was set: by SASLprep, or left as it is where SASLprep has no answer.
 * So a password of ASCII never changes, even with a control character, which RFC 4013 would refuse.
 *
 * @see RFC 4013; PostgreSQL's src/common/saslprep.c (pg_saslprep) and its callers, which go on with the raw password
 */
export function preparedPassword(password: string): string {
  const prepared = Array.from(password, mapped).join('').normalize('NFKC');
  return isAllowed(prepared) ? prepared : password;
}

/** U+200B is in both tables; PostgreSQL looks at the spaces first. */
function mapped(character: string): string {
  if (nonAsciiSpaces.test(character)) return ' ';
  return mappedToNothing.test(character) ? '' : character;
}

function isAllowed(text: string): boolean {
  return text !== '' && !prohibited.test(text) && !unassigned.test(text) && hasOneDirection(text);
}

/** RFC 3454 section 6: text with a character from right to left has none of the other kind, and begins and ends so. */
function hasOneDirection(text: string): boolean {
  if (!rightToLeft.test(text)) return true;
  const characters = Array.from(text);
  const ends = [characters.at(0) ?? '', characters.at(-1) ?? ''];
  return !leftToRight.test(text) && ends.every((character) => rightToLeft.test(character));
}
