// A pool of PostgreSQL connections whose password is a token: each new connection gets one that is fresh.
//
//   OKTA_ISSUER=https://dev-1.okta.com/oauth2/default OKTA_CLIENT_ID=… OKTA_CLIENT_SECRET=… OKTA_SCOPE=… \
//   PGHOST=localhost PGPORT=6432 PGUSER=… PGDATABASE=… PGSSLROOTCERT=ca.crt node examples/pg-pool.mjs
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { createTokenSource } from 'nest-okta-opa/token-source';

const { OKTA_ISSUER, OKTA_CLIENT_ID, OKTA_CLIENT_SECRET, OKTA_SCOPE, PGSSLROOTCERT } = process.env;

const source = createTokenSource({
  issuer: OKTA_ISSUER,
  clientId: OKTA_CLIENT_ID,
  clientSecret: OKTA_CLIENT_SECRET,
  grant: 'client_credentials',
  scope: OKTA_SCOPE,
});
const pool = new pg.Pool({
  // Host, port, user and database are those of PGHOST and so on. With a connectionString, pg would forget this function.
  password: source.asPassword(),
  // A token is a password: only a server that proves who it is may see it.
  ssl: PGSSLROOTCERT ? { ca: readFileSync(PGSSLROOTCERT, 'utf8') } : true,
  max: 5,
});
// The server ends sessions when their token does; the pool opens others in their place.
pool.on('error', (error) => console.error(`an idle connection ended: ${error.message}`));

try {
  const queries = Array.from({ length: 5 }, () =>
    pool.query('select current_user as name, pg_backend_pid() as pid'),
  );
  for (const { rows } of await Promise.all(queries)) console.log(`${rows[0].name} by backend ${rows[0].pid}`);
} catch (error) {
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await pool.end();
  await source.close();
}
