import pg from 'pg';

/** One login through the gateway, one query and what came of it, as the demo shows them. */
export interface SqlLogin {
  /** The rows' only value, or the SQLSTATE of the refusal. */
  readonly outcome: string;
  readonly sent: readonly string[];
  readonly received: string;
}

export interface SqlLoginRequest {
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** The token. */
  readonly password: string;
  /** PEM of the authority that the gateway's certificate is of. */
  readonly ca: string;
}

const query = 'select current_user';

/** Logs in and asks who it is; of the token, no more than its beginning is kept. */
export async function sqlLogin({ ca, ...request }: SqlLoginRequest): Promise<SqlLogin> {
  const { port, database, user, password } = request;
  const token = `${password.slice(0, 12)}… (${password.length} characters)`;
  const to = `host=localhost port=${port} dbname=${database} user=${user} sslmode=verify-full`;
  const sent = [`${to} password=${token}`, query];
  const client = new pg.Client({ ...request, host: 'localhost', ssl: { ca } });
  try {
    await client.connect();
    const { rows } = await client.query<{ current_user: string }>(query);
    const outcome = rows[0]?.current_user ?? '';
    return { outcome, sent, received: outcome };
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    const { severity = '', code = '', message } = error;
    return { outcome: code, sent, received: `${severity} ${code}: ${message}` };
  } finally {
    await client.end();
  }
}
