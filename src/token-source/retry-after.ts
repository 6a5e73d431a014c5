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
  const date = httpDate(header);
  if (Number.isNaN(date)) return undefined;
  return Math.min(Math.max(Math.ceil((date - now) / 1000), 0), longestSeconds);
}

/** All three forms of RFC 9110 section 5.6.7; the one of asctime doesn't say that it is GMT. */
function httpDate(text: string): number {
  // Only a date begins with the name of a day: Date.parse would make one of nearly anything.
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return NaN;
  return Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
}
