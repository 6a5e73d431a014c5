import { createSecretKey, hkdfSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** Keys out of one pepper, each for one purpose (RFC 5869: separated by `info`). */
export interface Pepper {
  /** Says which pepper protects a row; tells nothing about it. */
  readonly id: string;
  /** For HMAC-SHA-256, parsed: with the bytes alone each use would cost five times as much. */
  readonly secretKey: KeyObject;
  /** 32 bytes for AES-256-GCM. */
  readonly sealingKey: Uint8Array;
  /** 32 bytes for AES-256-GCM, of requests that wait for a sign-in. */
  readonly signInKey: Uint8Array;
  /** For HMAC-SHA-256 of cursors. */
  readonly cursorKey: KeyObject;
}

/** The peppers of the settings: the first protects what is new, the others still read what is old. */
export class Peppers {
  readonly current: Pepper;
  readonly #byId: ReadonlyMap<string, Pepper>;

  /** @param texts at least one */
  constructor(texts: readonly [string, ...string[]]) {
    const peppers = texts.map(toPepper);
    this.current = toPepper(texts[0]);
    this.#byId = new Map(peppers.map((pepper) => [pepper.id, pepper]));
  }

  find(id: string): Pepper | undefined {
    return this.#byId.get(id);
  }
}

function toPepper(text: string): Pepper {
  const derive = (purpose: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', text, '', `nest-okta-opa ${purpose}`, length));
  return {
    id: derive('pepper id', 6).toString('hex'),
    secretKey: createSecretKey(derive('client secrets', 32)),
    sealingKey: derive('signing keys', 32),
    signInKey: derive('sign-in requests', 32),
    cursorKey: createSecretKey(derive('cursors', 32)),
  };
}
