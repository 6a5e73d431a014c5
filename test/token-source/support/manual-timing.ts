import type { Timing } from '../../../src/token-source/index.js';
import { frozenClock } from '../../support/tokens.js';

/** Time that goes on only when a test says so, or when the code under test waits. */
export interface ManualTiming extends Timing {
  /** The pauses so far, in milliseconds. */
  readonly waits: readonly number[];
  /** What is to be done later: in how many milliseconds from when it was scheduled, and what. */
  readonly scheduled: ReadonlyMap<() => void, number>;
  advance(milliseconds: number): void;
}

/** @param random what chance says, always */
export function manualTiming(random = 0, at: number = Date.now()): ManualTiming {
  const clock = frozenClock(at);
  const waits: number[] = [];
  const scheduled = new Map<() => void, number>();
  return {
    waits,
    scheduled,
    clock: clock.now,
    advance: (milliseconds) => {
      clock.advance(milliseconds);
    },
    random: () => random,
    wait: (milliseconds) => {
      waits.push(milliseconds);
      clock.advance(milliseconds);
      return Promise.resolve();
    },
    schedule: (milliseconds, task) => {
      scheduled.set(task, milliseconds);
      return () => {
        scheduled.delete(task);
      };
    },
  };
}
