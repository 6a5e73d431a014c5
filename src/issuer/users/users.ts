import { sql } from 'kysely';
import type { Store } from '../store/open-store.js';
import type { Passwords } from './passwords.js';

/** A person who can sign in. */
export interface User {
  /** `00u…`, the `uid` of tokens. */
  readonly id: string;
  /** The `sub` of access tokens. */
  readonly login: string;
  readonly name: string | null;
  readonly email: string | null;
}

const columns = ['id', 'login', 'name', 'email'] as const;

/** Enabled users, for the endpoints; the user registry changes them. */
export class Users {
  readonly #store: Store;
  readonly #passwords: Passwords;

  constructor(store: Store, passwords: Passwords) {
    this.#store = store;
    this.#passwords = passwords;
  }

  find(id: string): Promise<User | undefined> {
    return this.#enabled().select(columns).where('id', '=', id).executeTakeFirst();
  }

  /**
   * The user, if it is the password. Unknown logins and wrong passwords take the same time.
   *
   * @param login whatever the case
   * @throws BusyError when too many passwords are being checked
   */
  async authenticate(login: string, password: string): Promise<User | undefined> {
    const row = await this.#enabled()
      .select([...columns, 'password_hash'])
      .where(sql`lower(login)`, '=', login.toLowerCase())
      .executeTakeFirst();
    const isRight = await this.#passwords.verify(row?.password_hash, password);
    if (!isRight || row === undefined) return undefined;
    const { id, name, email } = row;
    return { id, login: row.login, name, email };
  }

  #enabled() {
    return this.#store.db.selectFrom('users').where('disabled_at', 'is', null);
  }
}
