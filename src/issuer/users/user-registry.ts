import { sql } from 'kysely';
import { randomId } from '../random-id.js';
import { audit } from '../audit/audit.js';
import type { Actor } from '../audit/audit.js';
import { RegistryError } from '../registry-error.js';
import type { Store } from '../store/open-store.js';
import { violatedConstraint } from '../store/storage-error.js';
import type { UserRow } from '../store/schema.js';
import type { Passwords } from './passwords.js';

/** A person as the registry shows it: never with the password. */
export interface RegisteredUser {
  readonly id: string;
  readonly login: string;
  readonly name: string | null;
  readonly email: string | null;
  /** ISO 8601. */
  readonly created_at: string;
}

export interface NewUser {
  /** The `00u…` that somebody has elsewhere, for policies and rows that name it; made up when it is not given. */
  readonly id?: string | undefined;
  readonly login: string;
  readonly password: string;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
}

const maxLength = 200;
const minPasswordLength = 8;
const maxPasswordLength = 1000;

/** People who can sign in. */
export class UserRegistry {
  readonly #store: Store;
  readonly #passwords: Passwords;

  constructor(store: Store, passwords: Passwords) {
    this.#store = store;
    this.#passwords = passwords;
  }

  /** @throws RegistryError when something is not acceptable, or somebody has the login or the id already */
  async add(user: NewUser, actor: Actor = 'cli'): Promise<RegisteredUser> {
    check(user);
    const { id = randomId('00u'), login, name = null, email = null } = user;
    const row = {
      id,
      login,
      name,
      email,
      password_hash: await this.#passwords.hash(user.password),
    };
    return this.#store.change(async (db) => {
      const inserted = await db
        .insertInto('users')
        .values(row)
        .returningAll()
        .executeTakeFirstOrThrow()
        .catch((error: unknown) => {
          const constraint = violatedConstraint(error);
          throw constraint === undefined ? error : taken(constraint === 'users_login' ? login : id);
        });
      await audit(db, { actor, action: 'user.create', target: row.id, details: { login } });
      return shown(inserted);
    });
  }

  async list(): Promise<RegisteredUser[]> {
    const rows = await this.#store.db
      .selectFrom('users')
      .selectAll()
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    return rows.map(shown);
  }

  /**
   * Their tokens are inactive from now on.
   *
   * @param who login, whatever the case, or id
   * @throws RegistryError when there is nobody like that
   */
  remove(who: string, actor: Actor = 'cli'): Promise<RegisteredUser> {
    return this.#store.change(async (db) => {
      const row = await db
        .deleteFrom('users')
        .where((user) => user.or([user('id', '=', who), user(sql`lower(login)`, '=', who.toLowerCase())]))
        .returningAll()
        .executeTakeFirst();
      if (row === undefined)
        throw new RegistryError(`there is no user ${JSON.stringify(who.slice(0, 60))}`, 'absent');
      await audit(db, { actor, action: 'user.delete', target: row.id, details: { login: row.login } });
      return shown(row);
    });
  }
}

function check({ id, login, password, name = '', email = '' }: NewUser): void {
  if (id !== undefined && !/^00u[A-Za-z0-9]{17}$/.test(id))
    throw new RegistryError('an id of a user is 00u and 17 letters and digits');
  if (login.trim() === '' || /\s/.test(login))
    throw new RegistryError('a login has no spaces and at least one character');
  for (const text of [login, name, email])
    if (text.length > maxLength || /\p{C}/u.test(text))
      throw new RegistryError(
        `login, name and email have at most ${maxLength} characters, none of them a control character`,
      );
  if (password.length < minPasswordLength || password.length > maxPasswordLength)
    throw new RegistryError(`a password has ${minPasswordLength} to ${maxPasswordLength} characters`);
}

function taken(by: string): RegistryError {
  return new RegistryError(`there is a user ${JSON.stringify(by)} already`, 'conflict');
}

function shown({ id, login, name, email, created_at }: UserRow): RegisteredUser {
  return { id, login, name, email, created_at: created_at.toISOString() };
}
