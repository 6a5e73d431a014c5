import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Pepper, Peppers } from '../peppers.js';
import { randomId } from '../random-id.js';

/** What the database keeps of a secret. */
export interface SecretDigest {
  readonly secret_digest: Uint8Array;
  readonly pepper_id: string;
}

export function newClientId(): string {
  return randomId('0oa');
}

/** 32 random bytes: nothing that stretching would make harder to guess. */
export function newClientSecret(): string {
  return randomBytes(32).toString('base64url');
}

export function digestSecret(secret: string, pepper: Pepper): SecretDigest {
  return { secret_digest: hmac(secret, pepper), pepper_id: pepper.id };
}

/** Takes the same time whether or not there is such a client: pass undefined where there is none. */
export function isSecretOf(digest: SecretDigest | undefined, secret: string, peppers: Peppers): boolean {
  const pepper = (digest && peppers.find(digest.pepper_id)) ?? peppers.current;
  const presented = hmac(secret, pepper);
  const expected = digest?.pepper_id === pepper.id ? digest.secret_digest : noDigest;
  return timingSafeEqual(presented, expected) && expected !== noDigest;
}

/** No secret has this digest; comparing with it costs what any comparison costs. */
const noDigest = new Uint8Array(32);

function hmac(secret: string, { secretKey }: Pepper): Buffer {
  return createHmac('sha256', secretKey).update(secret).digest();
}
