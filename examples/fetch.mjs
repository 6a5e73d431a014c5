// Calls an HTTP API with a token that is always fresh.
//
//   OKTA_ISSUER=https://dev-1.okta.com/oauth2/default OKTA_CLIENT_ID=… OKTA_CLIENT_SECRET=… \
//   OKTA_SCOPE=read_sayhello API_URL=https://api.example.com/sayhello node examples/fetch.mjs
import { createTokenSource, TokenSourceError } from 'nest-okta-opa/token-source';

const { OKTA_ISSUER, OKTA_CLIENT_ID, OKTA_CLIENT_SECRET, OKTA_SCOPE, API_URL } = process.env;

const source = createTokenSource({
  issuer: OKTA_ISSUER,
  clientId: OKTA_CLIENT_ID,
  clientSecret: OKTA_CLIENT_SECRET,
  grant: 'client_credentials',
  scope: OKTA_SCOPE,
});
const authorization = source.asHeader();

async function call(url) {
  const response = await fetch(url, { headers: await authorization(), signal: AbortSignal.timeout(10_000) });
  return `${response.status} ${await response.text()}`;
}

try {
  // Side by side and one after another: the token is fetched once.
  console.log(...(await Promise.all([call(API_URL), call(API_URL)])));
  console.log(await call(API_URL));
} catch (error) {
  if (!(error instanceof TokenSourceError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await source.close();
}
