import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../base/clock.js';
import type { Clock } from '../base/clock.js';

/** Where time and chance come from; tests bring their own. */
export interface Timing {
  /** For moments that the server names. It is set now and then, and jumps. */
  readonly clock: Clock;
  /** Milliseconds since some moment. It never jumps, but stands still while the machine sleeps. */
  readonly steady: Clock;
  /** At least 0 and below 1, for jitter. */
  readonly random: () => number;
  /** Settles after so many milliseconds, or when the signal aborts. Somebody waits for it: it keeps the process alive. */
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Calls back after so many milliseconds unless it is cancelled before. Never keeps the process alive. */
  readonly schedule: (milliseconds: number, task: () => void) => () => void;
}

/** A moment by both clocks. */
export interface Moment {
  readonly wall: number;
  readonly steady: number;
}

export function momentOf({ clock, steady }: Timing): Moment {
  return { wall: clock(), steady: steady() };
}

/** Milliseconds since then, by the clock that says more: nothing is taken for younger than it is. */
export function millisecondsSince(then: Moment, { clock, steady }: Timing): number {
  return Math.max(clock() - then.wall, steady() - then.steady);
}

/** The longest that setTimeout can wait; more would call back at once. */
const longestTimerMs = 2 ** 31 - 1;

export const systemTiming: Timing = {
  clock: systemClock,
  steady: () => performance.now(),
  random: Math.random,
  wait: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
  schedule: (milliseconds, task) => {
    const timer = setTimeout(task, Math.min(milliseconds, longestTimerMs)).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
