import type { Timing } from '../../../src/token-source/index.js';
import { frozenClock } from '../../support/tokens.js';

/** Time that goes on only when a test says so, or when the code under test waits. */
export interface ManualTiming extends Timing {
  /** The pauses so far, in milliseconds. */
  readonly waits: readonly number[];
  /** What is to be done later: in how many milliseconds from when it was scheduled, and what. */
  readonly scheduled: ReadonlyMap<() => void, number>;
  advance(milliseconds: number): void;
  /** Sets the clock on the wall that much forward, or back; also what a machine sees that has slept so long. */
  setClock(milliseconds: number): void;
}

/** @param random what chance says, always */
export function manualTiming(random = 0, at: number = Date.now()): ManualTiming {
  const clock = frozenClock(at);
  const steady = frozenClock(1234.5);
  const advance = (milliseconds: number): void => {
    clock.advance(milliseconds);
    steady.advance(milliseconds);
  };
  const waits: number[] = [];
  const scheduled = new Map<() => void, number>();
  return {
    waits,
    scheduled,
    clock: clock.now,
    steady: steady.now,
    advance,
    setClock: (milliseconds) => {
      clock.advance(milliseconds);
    },
    random: () => random,
    wait: (milliseconds) => {
      waits.push(milliseconds);
      advance(milliseconds);
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
