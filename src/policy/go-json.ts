import { isUtf8 } from 'node:buffer';
import { isJsonObject, parseJson } from '../base/json.js';
import type { JsonObject } from '../base/json.js';

/** A JSON object as text that OPA's WASM reads as OPA reads the original, and its members. */
export interface JsonObjectText {
  readonly text: string;
  readonly members: JsonObject;
}

/**
 * Reads a JSON object as OPA does, by Go's `encoding/json`. Where Go repairs the text (stray bytes, half surrogates),
 * the text that is returned is repaired the same way; numbers keep their digits.
 *
 * @returns undefined where OPA refuses: other JSON, nesting deeper than the WASM can take, numbers larger than OPA takes
 */
export function parseGoJsonObject(bytes: Buffer): JsonObjectText | undefined {
  const text = withoutLoneSurrogates(decodeUtf8(bytes));
  const members = parseJson(text);
  return isJsonObject(members) && isWithinLimits(text) ? { text, members } : undefined;
}

/** UTF-8 in which every byte that belongs to no character becomes U+FFFD, one for one. */
function decodeUtf8(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  for (let offset = 0; offset < bytes.length;) {
    const length = characterLength(bytes, offset);
    text += length === 0 ? '\ufffd' : bytes.toString('utf8', offset, offset + length);
    offset += length || 1;
  }
  return text;
}

/** Bytes of the character that starts here: 1 to 4; 0 when none does. */
function characterLength(bytes: Buffer, offset: number): number {
  const first = bytes[offset] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const end = offset + length;
  return end <= bytes.length && isUtf8(bytes.subarray(offset, end)) ? length : 0;
}

/**
 * Escaped backslashes, pairs, and halves of pairs, in this order: what was matched as one of the first two is not
 * looked at again.
 */
const surrogates =
  /\\\\|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u[dD][89a-fA-F][\da-fA-F]{2}/g;

function withoutLoneSurrogates(text: string): string {
  return text.replace(surrogates, (match) => (match.length === 6 ? '\ufffd' : match));
}

/**
 * Levels of nesting. Go reads 10,000; OPA's WASM parses recursively on this process's stack, which holds some
 * thousands. No answer above a fixed bound is better than a trap at a bound that nobody knows.
 */
const maxDepth = 1000;
/** Limit on a number's binary exponent (maxNumberExp in OPA's v1/ast/term.go). */
const maxExponent = 100_000;
/** Of big.Float: a smaller number becomes zero, which is within the limit, unless its decimal exponent is below it too. */
const minFloatExponent = -(2 ** 31);

/** @param text valid JSON */
function isWithinLimits(text: string): boolean {
  if (text.length > maxDepth && isTooDeep(text)) return false;
  return !/\d[eE]/.test(text) || !holdsTooBigNumber(text);
}

const stringsAndBrackets = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g;

function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(stringsAndBrackets)) {
    if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth--;
    if (depth > maxDepth) return true;
  }
  return false;
}

/** Looks at values, not at the text: of a member that is there twice, OPA sees the last only. */
function holdsTooBigNumber(text: string): boolean {
  let found = false;
  const look = (_: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value === 'number' && isTooBig(context?.source ?? '')) found = true;
    return value;
  };
  JSON.parse(text, look);
  return found;
}

/** @param number as the token spells it; OPA checks those in exponent form */
function isTooBig(number: string): boolean {
  if (!/e/i.test(number)) return false;
  const [mantissa = '', exponent = ''] = number.toLowerCase().replace(/^-/, '').split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return false;
  const power = Number(exponent) + digits.length - fraction.length;
  const binaryExponent = Math.floor(Math.log2(Number(`0.${digits}`)) + power * Math.log2(10)) + 1;
  const isZero = binaryExponent < minFloatExponent && power >= minFloatExponent;
  return Math.abs(binaryExponent) > maxExponent && !isZero;
}
