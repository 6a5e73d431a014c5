import type { Demo } from './demo.js';
import type { Narrator } from './narrator.js';
import { sqlLogin } from './sql-login.js';

interface Step {
  readonly title: string;
  readonly lesson: string;
  readonly user: string;
  readonly token: string;
  /** The role, or the SQLSTATE of the refusal. */
  readonly expected: string;
}

/** PostgreSQL's invalid_password. */
const refused = '28P01';

/**
 * Takes the token that opened the API to the database.
 *
 * @returns whether everything was as expected
 */
export async function walkSql(demo: Demo, narrator: Narrator, token: string): Promise<boolean> {
  narrator.heading('SQL: the same token is the password of a database');
  let asExpected = true;
  for (const { title, lesson, user, token: password, expected } of await stepsOf(demo, token)) {
    narrator.line(`\n  ${title}. ${lesson}`);
    const login = await sqlLogin({ ...demo.sql, user, password });
    narrator.sqlLogin(login, expected);
    asExpected &&= login.outcome === expected;
  }
  return asExpected;
}

async function stepsOf(demo: Demo, token: string): Promise<Step[]> {
  return [
    {
      title: 'As reader, with the token',
      lesson: 'The policy opens this user to its scope.',
      user: 'reader',
      token,
      expected: 'reader',
    },
    {
      title: 'As writer, with the same token',
      lesson: 'The policy says no; why, only the log knows.',
      user: 'writer',
      token,
      expected: refused,
    },
    {
      title: 'As roach, with a token that a program signed with its own Ed25519 key',
      lesson: 'No issuer is needed for that, and the policy has another role for this user.',
      user: 'roach',
      token: await demo.signToken({ sub: 'roach', expiresInSeconds: 60 }),
      expected: 'reader',
    },
    {
      title: 'As roach, with such a token of a minute ago',
      lesson: 'It has expired.',
      user: 'roach',
      token: await demo.signToken({ sub: 'roach', expiresInSeconds: -60 }),
      expected: refused,
    },
  ];
}
