import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';

/** More passwords are waiting to be checked than this process can check in time: 503. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
}

export interface PasswordsOptions {
  /** Hashes computed at a time; each takes a core and 19 MiB. */
  readonly maxConcurrent: number;
  /** Hashes that wait for their turn; one more is refused. */
  readonly maxWaiting: number;
}

/** argon2id: 19 MiB, two passes, one lane (OWASP's recommendation, and the library's defaults). */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Passwords of people: hashed off the event loop, so many at a time (RFC 9106). */
export class Passwords {
  readonly #options: PasswordsOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Of a password that nobody knows. */
  readonly #dummy = hash(randomBytes(32).toString('base64'), cost);

  constructor(options: PasswordsOptions) {
    this.#options = options;
  }

  /** The hash in PHC form, with a salt of its own. @throws BusyError */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, cost));
  }

  /**
   * Whether it is the password.
   *
   * @param phc undefined where there is no such person: it takes the same time, and is wrong
   * @throws BusyError
   */
  verify(phc: string | undefined, password: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const isRight = await verify(phc ?? (await this.#dummy), password);
      return isRight && phc !== undefined;
    });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.maxConcurrent) await this.#turn();
    else this.#running++;
    try {
      return await work();
    } finally {
      // Whoever is next takes over the place.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#options.maxWaiting) throw new BusyError('too many passwords to check');
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** One at a time for each core; a hundred wait for some seconds, a thousand would wait for nothing. */
export function newPasswords(): Passwords {
  return new Passwords({ maxConcurrent: availableParallelism(), maxWaiting: 100 });
}
