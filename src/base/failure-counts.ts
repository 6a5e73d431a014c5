import type { UpstreamFailure } from './upstream.js';

/** Failed calls to one upstream, by class, since the process started; read when metrics are scraped. */
export class FailureCounts {
  readonly upstream: string;
  readonly #counts = new Map<UpstreamFailure, number>();

  constructor(upstream: string) {
    this.upstream = upstream;
  }

  add(failure: UpstreamFailure): void {
    this.#counts.set(failure, (this.#counts.get(failure) ?? 0) + 1);
  }

  *entries(): Iterable<{ upstream: string; failure: UpstreamFailure; count: number }> {
    for (const [failure, count] of this.#counts) yield { upstream: this.upstream, failure, count };
  }
}
