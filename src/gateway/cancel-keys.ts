import { randomBytes } from 'node:crypto';
import type { BackendKey } from './wire/backend-reader.js';

/** Four bytes are all that protocol 3.0 has room for. */
const secretLength = 4;

/**
 * The keys by which clients cancel. A client gets the process id of its backend, which it sees in pg_stat_activity, and a
 * secret of the gateway's own: the backend's would let it cancel past the gateway.
 */
export class CancelKeys {
  readonly #backends = new Map<string, BackendKey>();

  /** @returns what the client is given, and how to take it back */
  issue(backend: BackendKey): { readonly secret: Buffer; readonly revoke: () => void } {
    let secret = randomBytes(secretLength);
    while (this.#backends.has(keyOf(backend.processId, secret))) secret = randomBytes(secretLength);
    const key = keyOf(backend.processId, secret);
    this.#backends.set(key, backend);
    return { secret, revoke: () => this.#backends.delete(key) };
  }

  find(processId: number, secret: Buffer): BackendKey | undefined {
    return this.#backends.get(keyOf(processId, secret));
  }
}

function keyOf(processId: number, secret: Buffer): string {
  return `${processId}:${secret.toString('base64')}`;
}
