import type { AuthorizationServer } from '../authorization-server.js';
import type { SigningAlgorithm } from '../store/schema.js';
import type { SigningKeyRing } from './signing-key-ring.js';

/** What an authorization server publishes: the keys of its algorithm, and of those that its tokens may have besides. */
export class PublishedKeys {
  readonly #ring: SigningKeyRing;
  readonly #besides: readonly SigningAlgorithm[];

  constructor(ring: SigningKeyRing, besides: readonly SigningAlgorithm[]) {
    this.#ring = ring;
    this.#besides = besides;
  }

  async of({ signingAlgorithm }: AuthorizationServer) {
    for (const algorithm of this.#besides) await this.#ring.ensure(algorithm);
    return this.#ring.published([...new Set([signingAlgorithm, ...this.#besides])]);
  }
}
