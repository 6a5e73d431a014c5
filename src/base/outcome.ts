/** What a step returns instead of throwing: a value, or a refusal with a stable code that callers switch on. */
export type Outcome<T, Code extends string> = Accepted<T> | Refused<Code>;

export interface Accepted<T> {
  readonly ok: true;
  readonly value: T;
}

export interface Refused<Code extends string> {
  readonly ok: false;
  readonly code: Code;
  /** One sentence for the log. Never contains a token, a secret or text chosen by an attacker at length. */
  readonly reason: string;
  /** When the other side said so (Retry-After), in whole seconds. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

export function accept<T>(value: T): Accepted<T> {
  return { ok: true, value };
}

export function refuse<Code extends string>(
  code: Code,
  reason: string,
  details: Pick<Refused<Code>, 'retryAfterSeconds' | 'cause'> = {},
): Refused<Code> {
  return { ok: false, code, reason, ...details };
}
