import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Pepper } from '../peppers.js';

const ivLength = 12;
const tagLength = 16;

/**
 * Encrypts a private key at rest: AES-256-GCM, `iv | tag | ciphertext`.
 *
 * @param kid bound to the ciphertext, so that rows can't be exchanged
 */
export function seal(plaintext: Uint8Array, kid: string, { sealingKey }: Pepper): Uint8Array {
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv('aes-256-gcm', sealingKey, iv).setAAD(Buffer.from(kid));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]);
}

/** @throws Error when the row was changed, or sealed under another pepper */
export function unseal(sealed: Uint8Array, kid: string, { sealingKey }: Pepper): Buffer {
  const iv = sealed.subarray(0, ivLength);
  const decipher = createDecipheriv('aes-256-gcm', sealingKey, iv, { authTagLength: tagLength });
  decipher.setAAD(Buffer.from(kid)).setAuthTag(sealed.subarray(ivLength, ivLength + tagLength));
  return Buffer.concat([decipher.update(sealed.subarray(ivLength + tagLength)), decipher.final()]);
}
