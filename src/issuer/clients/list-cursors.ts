import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from '../../base/json.js';
import type { Peppers } from '../peppers.js';

const position = z.tuple([z.string(), z.string()]);
const tagLength = 16;

/** Where a page of a list begins: opaque to clients, and made here, or it is none. */
export class ListCursors {
  readonly #peppers: Peppers;

  constructor(peppers: Peppers) {
    this.#peppers = peppers;
  }

  /** base64url of `tag | position`. */
  write({ createdAt, id }: { readonly createdAt: string; readonly id: string }): string {
    const text = Buffer.from(JSON.stringify([createdAt, id]));
    return Buffer.concat([this.#tag(text), text]).toString('base64url');
  }

  /** Undefined where it was not made here. */
  read(cursor: string): { createdAt: string; id: string } | undefined {
    const bytes = Buffer.from(cursor, 'base64url');
    const [tag, text] = [bytes.subarray(0, tagLength), bytes.subarray(tagLength)];
    if (tag.length !== tagLength || !timingSafeEqual(tag, this.#tag(text))) return undefined;
    const parsed = position.safeParse(parseJson(text.toString()));
    return parsed.success ? { createdAt: parsed.data[0], id: parsed.data[1] } : undefined;
  }

  #tag(text: Uint8Array): Buffer {
    return createHmac('sha256', this.#peppers.current.cursorKey).update(text).digest().subarray(0, tagLength);
  }
}
