/** Milliseconds since the Unix epoch. Injected everywhere time decides something, so that tests can freeze it. */
export type Clock = () => number;

export const systemClock: Clock = Date.now;
