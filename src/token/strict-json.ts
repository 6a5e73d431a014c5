import { isJsonObject } from '../base/json.js';
import type { JsonObject } from '../base/json.js';

/** Deeper claims than this mean an attack on whoever parses them next. */
const maxDepth = 16;

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A JSON object read strictly, or undefined: well-formed UTF-8, no duplicate members at any depth (RFC 7515 section 4,
 * RFC 7519 section 4: parsers differ in which one they keep), no `__proto__` member, bounded depth, finite numbers, no
 * escaped half of a surrogate pair (RFC 8259 section 8.2: some parsers make the same replacement character of each).
 */
export function parseStrictObject(bytes: Uint8Array): JsonObject | undefined {
  const text = decode(bytes);
  return text === undefined ? undefined : parseStrictObjectText(text);
}

/** {@link parseStrictObject} for text that was decoded before. */
export function parseStrictObjectText(text: string): JsonObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  // Every member of valid JSON has exactly one colon outside strings. JSON.parse keeps one of each set of
  // duplicates, so fewer members than colons means that some were there twice.
  return countMembers(value, maxDepth) === countColons(text) ? value : undefined;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Members in the whole tree; NaN, which equals nothing, when the tree breaks a rule. */
function countMembers(value: unknown, depth: number): number {
  if (typeof value === 'string') return value.isWellFormed() ? 0 : Number.NaN;
  if (typeof value === 'number') return Number.isFinite(value) ? 0 : Number.NaN;
  if (typeof value !== 'object' || value === null) return 0;
  if (depth === 0) return Number.NaN;
  return Array.isArray(value) ? countInArray(value, depth) : countInObject(value as JsonObject, depth);
}

function countInArray(items: readonly unknown[], depth: number): number {
  let members = 0;
  for (const item of items) members += countMembers(item, depth - 1);
  return members;
}

function countInObject(object: JsonObject, depth: number): number {
  let members = 0;
  for (const name of Object.keys(object)) {
    if (name === '__proto__' || !name.isWellFormed()) return Number.NaN;
    members += 1 + countMembers(object[name], depth - 1);
  }
  return members;
}

function countColons(json: string): number {
  let colons = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    const code = json.charCodeAt(index);
    if (code === quote) inString = !inString;
    else if (code === backslash) index++;
    else if (code === colon && !inString) colons++;
  }
  return colons;
}
