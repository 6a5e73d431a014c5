// A job that runs for weeks: its token is refreshed, its connections rotate, and outages are waited for.
//
// The variables of pg-pool.mjs, and: OKTA_USERNAME and OKTA_PASSWORD of who it works for, JOB_EVERY_MS, CONNECTION_SECONDS
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { createTokenSource } from 'nest-okta-opa/token-source';

const { OKTA_ISSUER, OKTA_CLIENT_ID, OKTA_CLIENT_SECRET, OKTA_USERNAME, OKTA_PASSWORD, PGSSLROOTCERT } =
  process.env;
const { JOB_EVERY_MS = '60000', CONNECTION_SECONDS = '1800' } = process.env;

const source = createTokenSource({
  issuer: OKTA_ISSUER,
  clientId: OKTA_CLIENT_ID,
  clientSecret: OKTA_CLIENT_SECRET,
  // The password is sent once; from then on the refresh token that comes with offline_access.
  grant: { username: OKTA_USERNAME, password: OKTA_PASSWORD },
  scope: 'openid offline_access',
  onRefresh: (event) => console.log(event.ok ? 'the token is fresh' : `no fresh token: ${event.error.code}`),
});
const pool = new pg.Pool({
  password: source.asPassword(),
  ssl: PGSSLROOTCERT ? { ca: readFileSync(PGSSLROOTCERT, 'utf8') } : true,
  // Well below the life of a token: no connection meets its end in the middle of a query.
  maxLifetimeSeconds: Number(CONNECTION_SECONDS),
});
pool.on('error', (error) => console.error(`an idle connection ended: ${error.message}`));

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopping.abort());

while (!stopping.signal.aborted) {
  try {
    const { rows } = await pool.query('select current_user as name, pg_backend_pid() as pid');
    console.log(`worked as ${rows[0].name} by backend ${rows[0].pid}`);
  } catch (error) {
    // What is wrong with this run may be over at the next one.
    console.error(`not this time: ${error.code}: ${error.message}`);
  }
  await pause(Number(JOB_EVERY_MS), undefined, { signal: stopping.signal }).catch(() => undefined);
}
await pool.end();
await source.close();
