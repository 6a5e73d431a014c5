import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../base/clock.js';
import type { Clock } from '../base/clock.js';

/** Where time and chance come from; tests bring their own. */
export interface Timing {
  readonly clock: Clock;
  /** At least 0 and below 1, for jitter. */
  readonly random: () => number;
  /** Settles after so many milliseconds, or when the signal aborts. Somebody waits for it: it keeps the process alive. */
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Calls back after so many milliseconds unless it is cancelled before. Never keeps the process alive. */
  readonly schedule: (milliseconds: number, task: () => void) => () => void;
}

/** The longest that setTimeout can wait; more would call back at once. */
const longestTimerMs = 2 ** 31 - 1;

export const systemTiming: Timing = {
  clock: systemClock,
  random: Math.random,
  wait: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
  schedule: (milliseconds, task) => {
    const timer = setTimeout(task, Math.min(milliseconds, longestTimerMs)).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
