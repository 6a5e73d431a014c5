/** Whoever asks for more is not taken at his word. */
const longestSeconds = 24 * 3600;

/**
 * The seconds that a Retry-After asks for, as a number of them or as a date, at most a day; undefined when there is
 * none that can be read (RFC 9110 section 10.2.3).
 *
 * @param now in milliseconds since the epoch
 */
export function retryAfterSeconds(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d{1,9}$/.test(header)) return Math.min(Number(header), longestSeconds);
  // Only a date begins with the name of a day: Date.parse would make one of nearly anything.
  const date = /^[A-Z][a-z]{2,8},? /.test(header) ? Date.parse(header) : NaN;
  if (Number.isNaN(date)) return undefined;
  return Math.min(Math.max(Math.ceil((date - now) / 1000), 0), longestSeconds);
}
