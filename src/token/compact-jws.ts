import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';
import type { JsonObject } from '../base/json.js';
import { maxTokenLength } from './bearer.js';
import type { TokenRefusal } from './refusals.js';
import { parseStrictObject } from './strict-json.js';

/** A compact JWS that was read, not yet believed. */
export interface CompactJws {
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/** The three segments of a compact JWS, still encoded. */
export interface CompactSegments {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
}

const threeSegments = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/**
 * Reads a compact JWS (RFC 7515 section 3.1) so strictly that two readers can't disagree about it: three non-empty
 * segments of canonical base64url, header and payload JSON objects without duplicate members.
 *
 * The shield in front of `@okta/jwt-verifier`: two segments, or an empty third, end the process inside that library.
 *
 * @param maxLength in characters; the default is what fits into a request header
 */
export function readCompactJws(
  token: string,
  maxLength: number = maxTokenLength,
): Outcome<CompactJws, TokenRefusal> {
  const segments = splitCompactJws(token, maxLength);
  if (segments === undefined) return refuse('malformed', 'not three segments of canonical base64url');
  const header = parseStrictObject(Buffer.from(segments.header, 'base64url'));
  if (header === undefined) return refuse('malformed', 'the header is no strict JSON object');
  const claims = parseStrictObject(Buffer.from(segments.payload, 'base64url'));
  if (claims === undefined) return refuse('malformed', 'the payload is no strict JSON object');
  return accept({ header, claims });
}

/** The segments, or undefined when they are not three, not base64url or not its only spelling. */
export function splitCompactJws(
  token: string,
  maxLength: number = maxTokenLength,
): CompactSegments | undefined {
  if (token.length > maxLength) return undefined;
  const match = threeSegments.exec(token);
  if (match === null) return undefined;
  const [, header = '', payload = '', signature = ''] = match;
  if (!isCanonical(header) || !isCanonical(payload) || !isCanonical(signature)) return undefined;
  return { header, payload, signature };
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * Whether the unused bits of the last character are zero (RFC 4648 section 3.5). Otherwise several spellings carry
 * the same bytes, and with them the same valid signature.
 */
function isCanonical(segment: string): boolean {
  const remainder = segment.length % 4;
  if (remainder === 0) return true;
  if (remainder === 1) return false;
  const unusedBits = remainder === 2 ? 0b1111 : 0b11;
  return (alphabet.indexOf(segment.charAt(segment.length - 1)) & unusedBits) === 0;
}
