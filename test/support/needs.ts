import { describe, it } from 'vitest';

/** Something that not every machine has. */
export interface Need<T> {
  /** Undefined where the machine doesn't have it. */
  readonly found: T | undefined;
  /** Set to 1, it makes the absence a failure. */
  readonly requiredBy: 'REQUIRE_OPA' | 'REQUIRE_VECTORS' | 'REQUIRE_POSTGRES' | 'REQUIRE_CLIENTS';
  /** What is missing, and how to get it. */
  readonly absence: string;
}

/** A suite with a need: where it is not met the suite is skipped and says so, or fails where it is required. */
export function describeWith<T>(what: string, need: Need<T>, body: (found: T) => void): void {
  const { found, requiredBy, absence } = need;
  if (found !== undefined) {
    describe(what, () => {
      body(found);
    });
  } else if (process.env[requiredBy] === '1') {
    it(what, () => {
      throw new Error(`${requiredBy} is 1 and there is ${absence}`);
    });
  } else {
    it.skip(`skipped: ${what} (${absence})`);
  }
}
