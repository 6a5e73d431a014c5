import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Peppers } from '../peppers.js';

const ivLength = 12;
const tagLength = 16;

/** Values that travel through a browser, which can neither read nor change them (AES-256-GCM). */
export class SealedValues {
  readonly #peppers: Peppers;

  constructor(peppers: Peppers) {
    this.#peppers = peppers;
  }

  /** @returns base64url of `iv | tag | ciphertext`, after the id of the pepper and a dot */
  seal(value: object): string {
    const { id, signInKey } = this.#peppers.current;
    const iv = randomBytes(ivLength);
    const cipher = createCipheriv('aes-256-gcm', signInKey, iv);
    const ciphertext = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
    return `${id}.${Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString('base64url')}`;
  }

  /** The value; undefined where it was not sealed here, or changed. */
  unseal(sealed: string): unknown {
    const [id = '', encoded = ''] = sealed.split('.', 2);
    const key = this.#peppers.find(id)?.signInKey;
    const bytes = Buffer.from(encoded, 'base64url');
    if (key === undefined || bytes.length < ivLength + tagLength) return undefined;
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivLength), {
        authTagLength: tagLength,
      });
      decipher.setAuthTag(bytes.subarray(ivLength, ivLength + tagLength));
      const text = Buffer.concat([decipher.update(bytes.subarray(ivLength + tagLength)), decipher.final()]);
      return JSON.parse(text.toString('utf8')) as unknown;
    } catch {
      return undefined;
    }
  }
}
